// Stands before the program in the one executable file. What LATE_PACKAGES names is not in the program's own script, but
// in scripts beside it: one is read and compiled when a package in it is first required, which in most runs is never.
{
  const builtin = require;
  const loaded = new Map();

  const load = (script) => {
    const { Script } = builtin('node:vm');
    const text = builtin('node:sea').getAsset(script, 'utf8');
    const module = { exports: {} };
    new Script(`(function (exports, require, module) {${text}\n})`, { filename: script }).runInThisContext()(module.exports, require, module);
    return module.exports;
  };
  require = (name) => {
    const script = Object.hasOwn(LATE_PACKAGES, name) ? LATE_PACKAGES[name] : undefined;
    if (script === undefined) return builtin(name);
    if (!loaded.has(script)) loaded.set(script, load(script));
    return loaded.get(script)[name]();
  };
}
