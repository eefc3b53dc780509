import { build } from 'esbuild';

/** The whole application in one file, minified. Nest loads the external ones if they are installed. */
await build({
  entryPoints: ['src/main.ts'],
  outfile: 'dist/main.js',
  bundle: true,
  minify: true,
  keepNames: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external: ['@nestjs/microservices', '@nestjs/websockets', 'class-validator', 'class-transformer'],
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
});
