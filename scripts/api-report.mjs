// Writes the public API of each entry in the package's `exports` to etc/*.api.md. With --check it fails if an API
// differs from the committed report, and prints the difference.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const root = fileURLToPath(new URL('..', import.meta.url));
const reportFolder = path.join(root, 'etc');
const packageFile = path.join(root, 'package.json');
const { name, exports } = JSON.parse(readFileSync(packageFile, 'utf8'));
const temporaryFolder = mkdtempSync(path.join(tmpdir(), 'api-report-'));
const isCheck = process.argv.includes('--check');

/** Returns the path of the declaration file next to the ES module of an entry. */
function typesOf(entry) {
  return entry.import?.replace(/\.js$/, '.d.ts');
}

/** Returns false if the report of an entry is not up to date. */
function report(reportFileName, types) {
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: packageFile,
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: path.join(root, types),
      newlineKind: 'lf',
      compiler: {
        overrideTsconfig: {
          files: [path.join(root, types)],
          compilerOptions: {
            target: 'es2022',
            lib: ['es2023'],
            module: 'nodenext',
            strict: true,
            skipLibCheck: true,
            types: ['node'],
            typeRoots: [path.join(root, 'node_modules/@types')],
          },
        },
      },
      apiReport: { enabled: true, reportFileName, reportFolder, reportTempFolder: temporaryFolder },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: { default: { logLevel: 'none' } },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  });
  const { succeeded, apiReportChanged } = Extractor.invoke(config, {
    localBuild: !isCheck,
    printApiReportDiff: isCheck,
    messageCallback: (message) => {
      // Hides its advice, which is about its own command line.
      if (message.messageId === 'console-api-report-not-copied') message.logLevel = 'none';
    },
  });
  return succeeded && !(isCheck && apiReportChanged);
}

mkdirSync(reportFolder, { recursive: true });
const entries = Object.entries(exports).flatMap(([entry, conditions]) => {
  const types = typesOf(conditions);
  return types === undefined ? [] : [{ entry, types, file: `${path.join(name, entry).replaceAll('/', '-')}.api.md` }];
});
const stale = entries.filter(({ file, types }) => !report(file, types)).map(({ entry }) => entry);
rmSync(temporaryFolder, { recursive: true });
const orphans = readdirSync(reportFolder).filter((file) => !entries.some((entry) => entry.file === file));

if (stale.length > 0) {
  console.error(
    `The public API of ${stale.join(', ')} is not what etc/ says. If the change is meant, run "npm run api:update", commit etc/, ` +
      'and say in the CHANGELOG what users have to change.',
  );
}
if (orphans.length > 0) console.error(`etc/: no entry of the package has the report ${orphans.join(', ')}. Delete it.`);
if (stale.length > 0 || orphans.length > 0) process.exit(1);
console.log(`The API reports in etc/ are up to date: ${entries.map(({ file }) => file).join(', ')}`);
