/** Ports of the embedded server's UI that web pages can not reach. */
import { BANNED_PORTS, httpPorts, isClosedToPages } from '../../../../cli/local/http-ports';

const others = { http: 40_001, metrics: 40_002 };

test('the ports of a server have a UI that no page reaches, or none', async () => {
  const ports = await httpPorts();
  expect(isClosedToPages(ports)).toBe(true);
  expect(new Set(Object.values(ports)).size).toBe(3);
});

test.each([4190, 6679, 8233])('a UI on port %d, as another version may have started it, is open to pages', (ui) => {
  expect(isClosedToPages({ ...others, ui })).toBe(false);
});

test('none, and one on a port that browsers refuse, are closed', () => {
  expect(isClosedToPages({ ...others, ui: null })).toBe(true);
  expect(isClosedToPages({ ...others, ui: BANNED_PORTS[0] as number })).toBe(true);
});
