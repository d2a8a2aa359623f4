/** Of what V8 has for WebAssembly, what is used here: no library of types that suits Node.js names it. */
declare const WebAssembly: {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** The memory of an instance. It never grows, so that views on it last. */
export interface AssemblyMemory {
  readonly memory: { readonly buffer: ArrayBuffer };
}

/** A number that an instance exports: an address, as a rule. */
export interface AssemblyConstant {
  readonly value: number;
}

/**
 * Makes an instance of code that was compiled from AssemblyScript (it lies in a room's folder `assembly`; `npm run
 * assembly` compiles it). Undefined where this Node.js runs without WebAssembly (`--jitless`) or cannot have the addresses
 * that it reserves (`ulimit -v`): so the caller must be able to do without.
 */
export function instantiate<Exports>(base64: string): (Exports & AssemblyMemory) | undefined {
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(base64, 'base64'))).exports as Exports & AssemblyMemory;
  } catch {
    return undefined;
  }
}
