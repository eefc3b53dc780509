/** The tokens of the part of Lua 5.1 that lua/ uses. Spaces and comments are skipped. */
const TOKEN =
  /(?<space>\s+|--[^\n]*)|(?<string>'(?:\\.|[^'\\\n])*')|(?<number>\d+(?:\.\d+)?)|(?<name>[A-Za-z_]\w*)|(?<symbol>==|~=|<=|>=|\.\.\.?|[-+*/%#<>=(){}[\];:,.])/gy;

const KEYWORDS = new Set(
  'and break do else elseif end false for function if in local nil not or repeat return then true until while'.split(
    ' ',
  ),
);

/** Returns the tokens of a source: kind, text, and index of the first character. */
export function tokensOf(text) {
  const tokens = [];
  let end = 0;
  for (const { groups, index, 0: match } of text.matchAll(TOKEN)) {
    if (index !== end) break;
    end = index + match.length;
    if (groups.space !== undefined) continue;
    const [kind] = Object.entries(groups).find(([, found]) => found !== undefined);
    tokens.push({ kind: KEYWORDS.has(match) ? 'keyword' : kind, text: match, start: index });
  }
  if (end !== text.length) throw new Error(`unknown Lua token: ${JSON.stringify(text.slice(end, end + 40))}`);
  return tokens;
}

/**
 * Returns the names of the locals in scope at each token, and those that the source declares for the parts after it. A
 * name is in scope from the line after its declaration. `outer` has the locals of the parts before the source.
 */
export function scopesOf(text, tokens, outer = []) {
  const blocks = [new Set(outer)];
  let declared = { line: 0, names: [] };
  let parameters = [];
  let line = 1;
  const scopes = tokens.map(({ text: word, kind, start }, i) => {
    const next = (offset) => tokens[i + offset]?.text;
    const namesFrom = (offset) =>
      next(offset + 1) === ',' ? [next(offset), ...namesFrom(offset + 2)] : [next(offset)];
    const previous = tokens[i - 1]?.start ?? 0;
    line += text.slice(previous, start).split('\n').length - 1;
    if (line > declared.line) for (const name of declared.names.splice(0)) blocks.at(-1).add(name);
    if (kind === 'keyword' && ['end', 'else', 'elseif', 'until'].includes(word)) blocks.pop();
    const scope = new Set(blocks.flatMap((block) => [...block]));
    if (word === 'local' && next(1) === 'function') blocks.at(-1).add(next(2));
    else if (word === 'local') declared = { line, names: namesFrom(1) };
    else if (word === 'for') parameters = namesFrom(1);
    else if (word === 'function') {
      const open = tokens.findIndex((token, n) => n > i && token.text === '(') - i;
      blocks.push(new Set(namesFrom(open + 1)));
    } else if (kind === 'keyword' && ['do', 'then', 'else', 'repeat'].includes(word)) {
      blocks.push(new Set(parameters.splice(0)));
    }
    return scope;
  });
  return { scopes, locals: new Set([...(blocks[0] ?? []), ...declared.names]) };
}
