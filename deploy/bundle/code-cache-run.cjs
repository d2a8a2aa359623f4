// Runs the program's script, and puts beside each script that it takes what V8 has compiled of it by the end, as a file
// with `.cache` behind its name: `SCRIPT OPTION...`.
const { readFileSync, writeFileSync } = require('node:fs');
const { dirname, resolve } = require('node:path');
const { Script } = require('node:vm');

const [main] = process.argv.splice(2, 1);
const scripts = new Map();
const compiled = (name) => {
  const file = resolve(dirname(main), name);
  const script = new Script(readFileSync(file, 'latin1'), { filename: file });
  scripts.set(file, script);
  return script.runInThisContext();
};
process.once('exit', () => {
  for (const [file, script] of scripts) writeFileSync(`${file}.cache`, script.createCachedData());
});
const program = { exports: {}, compiled };
compiled(main)(program.exports, require, program, main, dirname(main));
