export function targets(): Promise<Record<string, string>>;
export function compiled(source: string): Promise<string>;
