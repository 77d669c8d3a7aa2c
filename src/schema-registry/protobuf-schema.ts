/** The texts of .proto files → message types. Parsing and names are protobufjs'; how values are read is `protobuf.ts`'s. */
import protobuf from 'protobufjs';
import type { Field, ReflectionObject, Type } from 'protobufjs';
import type { Reference } from './connect-schema.ts';
import { wellKnownFile } from './protobuf-files.ts';

/**
 * The messages of the file `text`, in its order: what a frame's indexes count. `references` are the files that it imports, and
 * those that they do, by path. A sentence if there is something wrong with any of them.
 */
export function parseProtobuf(text: string, references: readonly Reference[]): readonly Type[] | string {
  const root = new protobuf.Root();
  const texts = new Map(references.map((reference) => [reference.name, reference.text]));
  const done = new Set<string>();
  try {
    const { package: name, imports } = protobuf.parse(text, root, { keepCase: true });
    // Counted before other files come in, which may be of the same package.
    const messages = messagesOf(name === undefined ? root : root.define(name));
    const waiting = [...(imports ?? []), ...texts.keys()];
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      const imported = done.has(path) ? undefined : (texts.get(path) ?? wellKnownFile(path));
      done.add(path);
      // Of a file that is not there perhaps nothing is used; if something is, its name is missed below.
      if (imported !== undefined) {
        waiting.push(...(protobuf.parse(imported, root, { keepCase: true }).imports ?? []));
      }
    }
    root.resolveAll();
    return groupAmong(messages) ?? messages;
  } catch (error) {
    return `it is no Protobuf schema that makes sense (${error instanceof Error ? error.message : String(error)})`;
  }
}

/** A sentence if one of the messages has what Connect has no form for, and no converter writes. */
function groupAmong(types: readonly Type[]): string | undefined {
  for (const type of types) {
    const group = type.fieldsArray.find(({ delimited }) => delimited);
    const found = group === undefined ? groupAmong(messagesOf(type)) : `its field "${group.name}" is a group`;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The messages in a file or a message, as a frame's indexes count them. */
export function messagesOf(parent: { readonly nestedArray: readonly ReflectionObject[] }): readonly Type[] {
  return parent.nestedArray.filter((nested) => nested instanceof protobuf.Type);
}

/** `shop.Order`, as Connect names the schema. */
export function nameOf(type: Type): string {
  return type.fullName.replace(/^\./, '');
}

/**
 * What a Connect converter says of a field beyond its type, by `[(confluent.field_meta).params = …]`: `connect.type` (of an
 * int8 or int16), `precision` and `scale` (of a decimal), and what people add.
 */
export function paramsOf({ parsedOptions }: Field): Readonly<Record<string, string>> {
  // Declared otherwise, but so it is parsed: a list of options, each under its name.
  const options: unknown = parsedOptions;
  const params = asList(options).flatMap((option) =>
    asList(inside(inside(option, '(confluent.field_meta)'), 'params')),
  );
  return Object.fromEntries(params.map((param) => [String(inside(param, 'key')), String(inside(param, 'value'))]));
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : value === undefined || value === null ? [] : [value];
}

function inside(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
