/** What is needed of yaml, as a module of our own that can be loaded late: `import()` of a CommonJS package gives no names once it is bundled. */
export { LineCounter, parseDocument, visit } from 'yaml';
