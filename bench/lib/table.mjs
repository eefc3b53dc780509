/** Prints rows as a table, with notes below it. */
export function printTable(title, rows, notes = []) {
  console.log(`\n${title}\n`);
  console.log(tableOf(rows));
  for (const note of notes) console.log(`\n${note}`);
}

/** Returns rows as a table in Markdown, a member a column; numbers with three significant digits. */
export function tableOf(rows) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = rows.map((row) => columns.map((column) => show(row[column])));
  const widths = columns.map((column, i) => Math.max(column.length, ...cells.map((line) => line[i].length)));
  const isText = columns.map((column) => rows.every((row) => typeof (row[column] ?? '') === 'string'));
  const line = (texts) => {
    const padded = texts.map((text, i) => (isText[i] ? text.padEnd(widths[i]) : text.padStart(widths[i])));
    return `| ${padded.join(' | ')} |`;
  };
  const rule = `| ${widths.map((width, i) => '-'.repeat(width - 1) + (isText[i] ? '-' : ':')).join(' | ')} |`;
  return [line(columns), rule, ...cells.map(line)].join('\n');
}

/** A ratio with its quartiles over the rounds: `1.82 (1.75-1.90)`. */
export function showRatio({ median, low, high }) {
  return Number.isFinite(median) ? `${show(median)} (${show(low)}-${show(high)})` : '';
}

export function show(value) {
  if (typeof value === 'string') return value;
  if (typeof value !== 'number' || !Number.isFinite(value)) return '';
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return groups(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

/** 1234567 as 1 234 567. */
function groups(whole) {
  return String(whole).replace(/\B(?=(\d{3})+$)/g, ' ');
}
