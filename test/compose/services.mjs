/**
 * docker-compose.yml as a list of programs that can be started without containers: variables filled in, and for each image
 * what its own entrypoint would run.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** The file with `${NAME}` and `${NAME:?…}` replaced; throws for a variable that is not given. */
export function readCompose(root, given) {
  const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
  const filled = text.replaceAll(/^(?!\s*#).*$/gm, (line) =>
    line.replaceAll(/\$\{([A-Z_]+)(?::\?[^}]*)?\}/g, (_, name) => {
      if (given[name] === undefined) throw new Error(`docker-compose.yml wants ${name}`);
      return given[name];
    }),
  );
  return parse(filled, { merge: true });
}

/** Names in the order in which `depends_on` lets them start. */
export function startOrder(services) {
  const order = [];
  const visit = (name) => {
    if (order.includes(name)) return;
    for (const before of Object.keys(services[name].depends_on ?? {})) visit(before);
    order.push(name);
  };
  for (const name of Object.keys(services)) visit(name);
  return order;
}

/** Container paths that a service's volumes name, each with what lies there on this machine; longest first. */
export function mounts(service, root, data) {
  return (service.volumes ?? [])
    .map((volume) => {
      const [from, to] = volume.split(':');
      return { to, from: from.startsWith('.') ? join(root, from) : join(data, from) };
    })
    .sort((one, other) => other.to.length - one.to.length);
}

/** A value of the file with the container's paths replaced by this machine's. */
export function onThisMachine(value, places) {
  return places.reduce((text, { to, from }) => text.replaceAll(to, from), String(value));
}

/** What the `ENV` lines of a worker's Dockerfile set, in the last of its stages. */
export function imageEnvironment({ build }, root) {
  const lines = readFileSync(join(root, build.dockerfile), 'utf8').split('\n');
  const ofLastStage = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
  const words = ofLastStage.filter((line) => line.startsWith('ENV ')).flatMap((line) => line.split(' ').slice(1));
  return Object.fromEntries(words.map((word) => word.split('=')));
}

/** Milliseconds of a time such as `3s`. */
export function milliseconds(text) {
  return Number(/^(\d+)s$/.exec(text)[1]) * 1000;
}

/** The command of a health check, without its first word. */
export function healthCommand({ test }) {
  const [kind, ...words] = test;
  return kind === 'CMD-SHELL' ? ['sh', '-c', words.join(' ')] : words;
}
