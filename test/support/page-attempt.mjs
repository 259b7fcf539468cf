/** What a hostile page does (test/browser/attacks.test.ts): run there as text, so it stands alone. */
/* global document, navigator, window, WebSocket, EventSource */
/* eslint-disable no-unused-vars -- the test calls it in the page */
async function attempt({ base, how, path, init }) {
  const url = base + path;
  const soon = new Promise((resolve) => setTimeout(() => resolve(''), 700));
  // as with fetch, the text of a refusal is nothing
  const insideOf = (frame) => {
    try {
      const [loading] = frame.contentWindow.performance.getEntriesByType('navigation');
      return Math.floor(loading.responseStatus / 100) === 2 ? frame.contentDocument.body.innerText : '';
    } catch {
      return '';
    }
  };
  const loaded = (tag) =>
    new Promise((resolve) => {
      const element = document.createElement(tag);
      element.onload = () => resolve(tag === 'iframe' ? insideOf(element) : `${tag} loaded`);
      element.onerror = () => resolve('');
      element.src = url;
      document.body.append(element);
    });
  const form = () =>
    new Promise((resolve) => {
      const [frame, element, field] = ['iframe', 'form', 'input'].map((tag) => document.createElement(tag));
      frame.name = `frame${Math.random()}`;
      Object.assign(element, { action: url, method: 'post', enctype: 'text/plain', target: frame.name });
      // a form of text/plain can spell JSON: NAME=VALUE
      field.name = '{"workflowType":{"name":"experiment"},"taskQueue":{"name":"flamingo"},"identity":"';
      field.value = '"}';
      element.append(field);
      document.body.append(frame, element);
      frame.onload = () => resolve(insideOf(frame));
      element.submit();
    });
  const connected = (made) =>
    new Promise((resolve) => {
      made.onopen = () => resolve('connected');
      made.onerror = () => resolve('');
    });
  const ways = {
    fetch: async () => {
      const reply = await fetch(url, { ...init, signal: AbortSignal.timeout(700) });
      return reply.ok ? reply.text() : '';
    },
    form,
    frame: () => loaded('iframe'),
    picture: () => loaded('img'),
    script: () => loaded('script'),
    beacon: async () => (navigator.sendBeacon(url, init?.body), ''),
    window: async () => (window.open(url), ''),
    socket: () => connected(new WebSocket(url.replace(/^http/, 'ws'))),
    events: () => connected(new EventSource(url)),
  };
  try {
    return await Promise.race([ways[how](), soon]);
  } catch {
    return '';
  }
}
