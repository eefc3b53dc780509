import path from 'node:path';
import ts from './typescript/node_modules/typescript-5.9/lib/typescript.js';

const ROOT = path.resolve(import.meta.dirname, '../..');
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node'],
  strict: true,
  skipLibCheck: true,
  noEmit: true,
  experimentalDecorators: true,
  paths: { 'nestjs-sluice': [path.join(ROOT, 'src/index.ts')] },
};

/** A source file that is opened in an editor, in this folder. */
export class OpenFile {
  readonly #path = path.join(import.meta.dirname, 'open-file.ts');
  readonly #service: ts.LanguageService;

  constructor(readonly text: string) {
    const readFile = (file: string) => (file === this.#path ? text : ts.sys.readFile(file));
    this.#service = ts.createLanguageService({
      getCompilationSettings: () => OPTIONS,
      getScriptFileNames: () => [this.#path],
      getScriptVersion: () => '1',
      getScriptSnapshot: (file) => {
        const content = readFile(file);
        return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content);
      },
      getCurrentDirectory: () => ROOT,
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      fileExists: (file) => file === this.#path || ts.sys.fileExists(file),
      readFile,
      directoryExists: ts.sys.directoryExists,
      getDirectories: ts.sys.getDirectories,
    });
  }

  /** Returns what the editor offers right behind `marker`, in alphabetical order. */
  completionsBehind(marker: string): readonly string[] {
    const end = this.text.indexOf(marker) + marker.length;
    const entries = this.#service.getCompletionsAtPosition(this.#path, end, {})?.entries ?? [];
    return entries.map(({ name }) => name).sort();
  }

  /** Returns the compiler's messages by line, counted from 1. */
  messages(): ReadonlyMap<number, string> {
    const diagnostics = this.#service.getSemanticDiagnostics(this.#path);
    return new Map(
      diagnostics.map(({ file, start = 0, messageText }) => [
        (file?.getLineAndCharacterOfPosition(start).line ?? 0) + 1,
        ts.flattenDiagnosticMessageText(messageText, '\n'),
      ]),
    );
  }
}
