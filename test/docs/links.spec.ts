import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../../', import.meta.url));
const docs = readdirSync(join(root, 'docs')).map((name) => `docs/${name}`);
const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...docs];

function textOf(page: string): string {
  return readFileSync(join(root, page), 'utf8').replaceAll(/^```.*?^```/gms, '');
}

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(page: string): readonly string[] {
  return [...textOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

interface Link {
  /** The path of the page or file, from the root of the repository. */
  readonly file: string;
  readonly anchor?: string | undefined;
}

/** The links of a page, except those to the web. */
function linksOf(page: string): readonly Link[] {
  const targets = [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets
    .filter((target) => !/^\w+:/.test(target))
    .map((target) => {
      const [path = '', anchor] = target.split('#');
      return { file: path === '' ? page : join(dirname(page), path), anchor };
    });
}

/** Returns true if there is no such file, or no such heading in it. */
function isBroken({ file, anchor }: Link): boolean {
  if (!existsSync(join(root, file))) return true;
  return anchor !== undefined && !anchorsOf(file).includes(anchor);
}

/** Returns true if the package contains the file. The page of guarantees says that it does not contain the tests. */
function isInPackage(page: string, file: string): boolean {
  if (page === 'docs/guarantees.md' && /^(?:test|src)\//.test(file)) return true;
  return /^(?:docs|lua)\/|^(?:README|CHANGELOG)\.md$|^LICENSE$/.test(file);
}

describe('the pages of the documentation', () => {
  it.each(pages)('%s links only to files and headings that exist', (page) => {
    expect(linksOf(page).filter(isBroken)).toEqual([]);
  });

  it.each(pages.filter((page) => page !== 'CONTRIBUTING.md'))('%s links only to files of the package', (page) => {
    expect(linksOf(page).filter(({ file }) => !isInPackage(page, file))).toEqual([]);
  });

  it('are all linked from README', () => {
    const readme = textOf('README.md');
    expect(docs.filter((page) => !readme.includes(`](${page})`))).toEqual([]);
  });
});
