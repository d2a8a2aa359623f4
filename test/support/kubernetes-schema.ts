import { fileURLToPath } from 'node:url';
import { DaemonSet } from 'kubernetes-models/apps/v1/DaemonSet';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { Secret } from 'kubernetes-models/v1/Secret';
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import ts from 'typescript';
import type { Manifest } from './kustomization.js';

/** What we deploy, with what the API's OpenAPI schema makes of it: a validator, and a type. */
const models = {
  'apps/v1 DaemonSet': { Model: DaemonSet, module: 'apps/v1/DaemonSet' },
  'v1 ConfigMap': { Model: ConfigMap, module: 'v1/ConfigMap' },
  'v1 Namespace': { Model: Namespace, module: 'v1/Namespace' },
  'v1 Secret': { Model: Secret, module: 'v1/Secret' },
  'v1 ServiceAccount': { Model: ServiceAccount, module: 'v1/ServiceAccount' },
} as const;

/**
 * What the API would refuse in manifests, a sentence for each. The validator finds what is missing or of the wrong form.
 * It lets unknown fields pass, which the API does not: those the compiler finds, since a literal has none that its type
 * has not.
 */
export function faultsOf(manifests: readonly Manifest[]): string[] {
  const known = manifests.map((manifest) => ({ manifest, model: models[`${manifest.apiVersion} ${manifest.kind}` as keyof typeof models] as (typeof models)[keyof typeof models] | undefined }));
  const unknown = known.filter(({ model }) => model === undefined).map(({ manifest }) => `${manifest.apiVersion} ${manifest.kind} is not known.`);
  if (unknown.length > 0) return unknown;
  return [...known.flatMap(({ manifest, model }) => faultOf(manifest, model!.Model)), ...faultsOfTypes(known.map(({ manifest, model }) => ({ manifest, module: model!.module })))];
}

function faultOf(manifest: Manifest, Model: new (data: never) => { validate(): void }): string[] {
  try {
    new Model(manifest as never).validate();
    return [];
  } catch (error) {
    return [`${manifest.kind}: ${(error as Error).message}`];
  }
}

/** In the folder of this file, so that packages are found. */
const virtualFile = fileURLToPath(new URL('manifests.ts', import.meta.url));

function faultsOfTypes(manifests: readonly { readonly manifest: Manifest; readonly module: string }[]): string[] {
  const lines = manifests.map(({ manifest, module }, index) => `import type { I${manifest.kind} as Type${index} } from 'kubernetes-models/${module}';\nexport const manifest${index}: Type${index} = ${JSON.stringify(manifest)};`);
  const options: ts.CompilerOptions = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, target: ts.ScriptTarget.ES2022, lib: ['lib.es2022.d.ts'], strict: true, noEmit: true, skipLibCheck: true, types: [] };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === virtualFile || fileExists(name);
  host.getSourceFile = (name, ...rest) => (name === virtualFile ? ts.createSourceFile(name, lines.join('\n'), ts.ScriptTarget.ES2022) : getSourceFile(name, ...rest));
  const program = ts.createProgram([virtualFile], options, host);
  const found = [...program.getOptionsDiagnostics(), ...program.getSyntacticDiagnostics(), ...program.getSemanticDiagnostics()];
  return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}
