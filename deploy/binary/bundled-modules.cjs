// In place of node:module, of which the program's own files use createRequire only: to load winston when the first line
// is logged. A bundle holds such a module already.
const bundled = { winston: () => require('winston') };

exports.createRequire = () => (name) => bundled[name]();
