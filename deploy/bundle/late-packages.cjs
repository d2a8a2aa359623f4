// Stands before the program in its script. What LATE_PACKAGES names is not in that one, but in scripts beside it
// (lateScript): one is read and compiled when a package in it is first required, which in most runs is never.
{
  const builtin = require;
  const loaded = new Map();

  const load = (script) => {
    const module = { exports: {} };
    lateScript(script)(module.exports, require, module);
    return module.exports;
  };
  require = (name) => {
    const script = Object.hasOwn(LATE_PACKAGES, name) ? LATE_PACKAGES[name] : undefined;
    if (script === undefined) return builtin(name);
    if (!loaded.has(script)) loaded.set(script, load(script));
    return loaded.get(script)[name]();
  };
}
