import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RoutingStrategies } from '../../packages/core/src/routing.ts';
import { listPackages, root } from '../workspace.ts';

/** What can be made. */
export type Kind = 'strategy' | 'store';

/** A wish that cannot be fulfilled, in a sentence for whoever typed it. */
export class Refusal extends Error {}

/** How the command is called, for whoever asked for that. */
export class Help extends Refusal {}

/** What a name is called in each place. */
export interface Names {
  readonly name: string;
  readonly camel: string;
  readonly pascal: string;
  readonly package: string;
}

const reserved: Readonly<Record<Kind, readonly string[]>> = {
  strategy: [...Object.values(RoutingStrategies), 'default', 'first'],
  store: ['memory', 'sqlite', 'postgres', 'postgresql'],
};

const examples: Readonly<Record<Kind, string>> = { strategy: 'by-cost', store: 'by-row' };

/** Words that cannot name a constant of a module. */
const keywords =
  /^(await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|export|extends|false|finally|for|function|if|implements|import|in|instanceof|interface|let|new|null|package|private|protected|public|return|static|super|switch|this|throw|true|try|typeof|var|void|while|with|yield)$/;

/** Everything that follows from a name. */
export function toNames(kind: Kind, name: string, isStandalone: boolean): Names {
  const camel = name.replace(/-(.)/g, (_dash, letter: string) => letter.toUpperCase());
  const long = kind === 'strategy' ? 'strategy' : 'persistence';
  return {
    name,
    camel,
    pascal: camel.charAt(0).toUpperCase() + camel.slice(1),
    package: isStandalone ? `symphony-${long}-${name}` : `@symphony/${long}-${name}`,
  };
}

/** Why a name cannot be taken; undefined if it can. */
export function whyNot(kind: Kind, name: string): string | undefined {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 50) {
    return `"${name}" is no name for a ${kind}: use small letters, digits and single dashes, such as "${examples[kind]}".`;
  }
  if (keywords.test(name)) return `"${name}" is a word of the language, and code could not call the ${kind} so.`;
  if (reserved[kind].includes(name)) return `There is a ${kind} "${name}" already: it comes with Symphony.`;
  return undefined;
}

/**
 * @throws Refusal if the package or its folder is there already
 */
export function checkFree({ package: wanted }: Names, folder: string): void {
  const taken = [...listPackages('packages'), ...listPackages('examples')].find(
    ({ manifest }) => manifest.name === wanted,
  );
  if (taken !== undefined) throw new Refusal(`There is a package ${wanted} already, in ${taken.folder}.`);
  if (existsSync(folder)) throw new Refusal(`${folder} is there already. Choose another name, or another folder.`);
}

/**
 * @throws Refusal if a folder is not one where the workspace looks for packages
 */
export function checkInWorkspace(folder: string): void {
  const homes = ['packages', 'packages/persistence', 'packages/strategies'].map((home) => join(root, home));
  if (homes.includes(join(folder, '..')) && !homes.includes(folder)) return;
  throw new Refusal(
    `${folder} is not where the workspace looks for packages: packages/NAME, packages/strategies/NAME or packages/persistence/NAME. Outside of it, use --standalone.`,
  );
}
