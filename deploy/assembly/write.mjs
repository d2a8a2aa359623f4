// npm run assembly
import { writeFile } from 'node:fs/promises';
import { compiled, targets } from './compile.mjs';

for (const [target, source] of Object.entries(await targets())) await writeFile(target, await compiled(source));
