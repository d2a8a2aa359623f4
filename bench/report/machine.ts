import { cpus, release, totalmem } from 'node:os';

/** This machine in a few words: processor, cores, memory, kernel; nothing that names it. */
export function machine(): string {
  const models = new Map<string, number>();
  for (const { model } of cpus()) models.set(model.trim(), (models.get(model.trim()) ?? 0) + 1);
  const processors = [...models].map(([model, count]) => `${count} cores of ${model}`).join(', ');
  return `${processors}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release().replace(/^(\d+\.\d+).*$/, '$1')}`;
}
