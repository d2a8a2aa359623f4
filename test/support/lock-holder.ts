import { takeLock } from '../../src/checkpoint/lock.js';

// A process that takes the lock of NAME in FOLDER, says so, and holds it until it is killed or its stdin ends.
const [folder = '', name = ''] = process.argv.slice(2);
process.stdin.once('data', () => {
  takeLock(folder, name, () => ({ pid: process.pid })).then(
    (lock) => {
      process.stdout.write('held\n');
      process.stdin.once('end', () => void lock.release());
    },
    (error: Error & { code?: string }) => {
      process.stdout.write(`${error.code}\n`);
      process.stdin.destroy();
    },
  );
});
process.stdout.write('ready\n');
