import { readFile } from 'node:fs/promises'
import { all } from '../../api/client/client.ts'
import { ApiProblem } from '../../api/client/problem.ts'
import { CONFIG_KINDS } from '../../api/client/site/config-files.ts'
import type { ConfigInfo, ConfigProblem } from '../../api/contract/configs.ts'
import { printable } from '../../kit/printable.ts'
import { type CliCommand, type Common, choice, collect, group, leaf, show, wholeNumber } from '../command.ts'
import { type FileOptions, readConfig, typedValue, VARIABLE_TYPES, variable } from '../config-files.ts'
import type { Context } from '../context.ts'
import { Unsuccessful, WrongUse } from '../failure.ts'
import { newPassword } from '../password.ts'
import { facts, table } from '../table.ts'
import { ago, bytes } from '../units.ts'

type Problem = ConfigProblem & { machine?: string | null }
type AddOptions = Common & FileOptions & { description?: string; note?: string }
type ValidateOptions = Common & FileOptions & { machine?: string; as?: string }

/** As compilers write them, so that editors find the place. */
function problemText(file: string, { part, line, column, severity, message, path, hint, machine }: Problem): string {
  const name = part === 'main' || part === 'user-data' ? file : `${file} (${part})`
  const place = line === null ? name : `${name}:${line}:${column}`
  const where = path === '$' || path === '' ? '' : ` [${path}]`
  const on = machine ? ` (on ${machine})` : ''
  return `${printable(`${place}: ${severity}: ${message}${where}${on}`)}\n${hint === '' ? '' : `    ${printable(hint)}\n`}`
}

function configText(config: ConfigInfo, now: number, columns: number | undefined): string {
  const latest = config.versions.at(-1)
  const head = facts([
    ['name', config.name],
    ['kind', config.kind],
    ['description', config.description],
    ['used by', config.usedBy.join(', ')],
    ['variables', latest?.variables.map(({ name, type }) => `${name} (${type})`).join(', ')],
    ['parts', latest?.parts.map(({ name, bytes: size }) => `${name} (${bytes(size)})`).join(', ')],
  ])
  const rows = config.versions
    .toReversed()
    .map((each) => [each.number, ago(each.createdAt, now), each.createdBy, each.note])
  return `${head}\n${table(['version', 'made', 'by', 'note'], rows, columns)}`
}

const scopeOf = ({ machine, tag }: { machine?: string; tag?: string }): string => {
  if (machine !== undefined && tag !== undefined) throw new WrongUse('give --machine or --tag')
  return machine !== undefined ? `machine:${machine}` : tag !== undefined ? `tag:${tag}` : 'all'
}

export function configCommands(program: CliCommand, context: Context): void {
  const { terminal, clock } = context
  const config = group(
    program,
    'config',
    'what machines become: Butane, cloud-init, preseed, kickstart and others, as templates',
  )

  const withFiles = (command: CliCommand) =>
    command
      .addOption(choice('--kind <kind>', 'what it is; found out by its name and content if not given', CONFIG_KINDS))
      .option('--part <name=file>', 'a further part, such as meta-data=meta.yaml; may be repeated', collect)
      .option('--files-dir <path>', 'folder with the files that Butane includes (local: ...)')
      .option(
        '--variable <name:type=default>',
        'a value it asks for (string, number, boolean, list, secret); may be repeated',
        variable,
      )

  withFiles(
    leaf(config, 'add <name> <file>', 'add a config, or a new version of it; refused with every line that is wrong', [
      'reveille config add worker worker.bu --files-dir files',
      'reveille config add web user-data --variable role=web --variable token:secret',
    ]),
  )
    .option('--description <text>', 'what it is for')
    .option('--note <text>', 'what is new in this version')
    .action(async (name: string, file: string, options: AddOptions) => {
      const client = await context.client()
      const before = await client.getConfig({ params: { config: name } }).catch((error: unknown) => {
        if (error instanceof ApiProblem && error.code === 'not-found') return undefined
        throw error
      })
      const { kind, parts, variables } = await readConfig(file, { ...options, kind: options.kind ?? before?.kind })
      const { note, description } = options
      if (before && kind !== before.kind) throw new WrongUse(`${name} is of kind ${before.kind}, and stays that`)
      const last = before?.versions.at(-1)
      const said = before
        ? await client.addConfigVersion({
            params: { config: name },
            body: { parts, variables: variables ?? last?.variables, note },
          })
        : await client.createConfig({ body: { name, kind, description, parts, variables, note } })
      show(context, options, said, () =>
        said.latest === last?.number
          ? `${name} is unchanged: version ${said.latest}\n`
          : `${name} is version ${said.latest} (${said.kind})\n`,
      )
    })

  withFiles(
    leaf(config, 'validate <file...>', 'check files without a server; the exit status says whether they are valid', [
      'reveille config validate nodes/*.bu',
      'reveille config validate worker.bu --as worker',
    ]),
  )
    .option('--machine <machine>', 'for this machine, with its values: asks the server')
    .option('--as <config>', 'as the next version of this config, for every machine that uses it: asks the server')
    .action(async (files: readonly string[], options: ValidateOptions) => {
      const results: { file: string; valid: boolean; problems: readonly Problem[]; machines: number }[] = []
      // As `add` does: what is not said stays as it is in the newest version.
      const before =
        options.as === undefined
          ? undefined
          : await (await context.client()).getConfig({ params: { config: options.as } })
      for (const file of files) {
        const draft = await readConfig(file, { ...options, kind: options.kind ?? before?.kind })
        const variables = draft.variables ?? before?.versions.at(-1)?.variables
        const asks = options.machine !== undefined || options.as !== undefined
        const said = asks
          ? await (await context.client()).validateConfig({
              body: { ...draft, variables, machine: options.machine, insteadOf: options.as },
            })
          : await context.local.checkConfig({ ...draft, variables: draft.variables ?? [] })
        results.push({ file, ...said })
      }
      show(context, options, results, () =>
        results
          .map(({ file, valid, problems, machines }) => {
            const on = machines > 0 ? ` for ${machines} machines` : ''
            return `${problems.map((each) => problemText(file, each)).join('')}${valid ? `${file}: valid${on}\n` : ''}`
          })
          .join(''),
      )
      const wrong = results.filter(({ valid }) => !valid)
      if (wrong.length > 0) throw new Unsuccessful(`${wrong.map(({ file }) => file).join(', ')}: not valid`)
    })

  const list = leaf(config, 'list', 'the configs', ['reveille config list'])
    .addOption(choice('--kind <kind>', 'only those of this kind', CONFIG_KINDS))
    .option('--search <text>', 'part of a name or description')
  list.action(async (options: Common & { kind?: (typeof CONFIG_KINDS)[number]; search?: string }) => {
    const found = await all((await context.client()).listConfigs, { query: { kind: options.kind, q: options.search } })
    show(context, options, found, () =>
      table(
        ['config', 'kind', 'version', 'used by', 'changed', 'description'],
        found.map((each) => [
          each.name,
          each.kind,
          each.latest,
          each.usedBy.join(', '),
          ago(each.updatedAt, clock.now()),
          each.description,
        ]),
        terminal.columns,
      ),
    )
  })

  leaf(config, 'show <config>', 'one config with its versions; --text prints what it says', [
    'reveille config show worker',
    'reveille config show worker --text --version 2',
  ])
    .option('--text', 'print the template')
    .option('--version <number>', 'of this version; the newest if not given', wholeNumber(1))
    .action(async (name: string, options: Common & { text?: boolean; version?: number }) => {
      const client = await context.client()
      if (!options.text && options.version === undefined) {
        const found = await client.getConfig({ params: { config: name } })
        show(context, options, found, () => configText(found, clock.now(), terminal.columns))
        return
      }
      const params = { config: name, version: String(options.version ?? 'latest') }
      const found = await client.getConfigVersion({ params })
      show(context, options, found, () =>
        found.parts
          .map(({ name: part, content }) => (found.parts.length > 1 ? `--- ${part}\n${content}` : content))
          .join('\n'),
      )
    })

  leaf(config, 'render <config>', 'what a machine would be given; secrets are hidden', [
    'reveille config render worker --machine web1',
  ])
    .requiredOption('--machine <machine>', 'for this machine')
    .option('--version <number>', 'this version; the newest if not given', wholeNumber(1))
    .action(async (name: string, options: Common & { machine: string; version?: number }) => {
      const query = { machine: options.machine, version: options.version }
      const said = await (await context.client()).renderConfig({ params: { config: name }, query })
      show(context, options, said, () =>
        said.parts
          .map(({ name: part, content }) => (said.parts.length > 1 ? `--- ${part}\n${content}` : content))
          .join('\n'),
      )
      if (said.problems.length === 0) return
      terminal.err(said.problems.map((each) => problemText(`${name}@${said.version}`, each)).join(''))
      if (said.problems.some(({ severity }) => severity === 'error'))
        throw new Unsuccessful(`${options.machine} cannot be given ${name}`)
    })

  leaf(config, 'diff <config> <from> <to>', 'what changed between two versions', [
    'reveille config diff worker 1 2',
    'reveille config diff worker 1 2 --machine web1',
  ])
    .option('--machine <machine>', 'in what this machine would be given')
    .action(async (name: string, from: string, to: string, options: Common & { machine?: string }) => {
      const [first, second] = [wholeNumber(1)(from), wholeNumber(1)(to)]
      const query = { from: first, to: second, machine: options.machine }
      const said = await (await context.client()).diffConfig({ params: { config: name }, query })
      show(context, options, said, () => (said.diff === '' ? 'nothing changed\n' : said.diff))
    })

  leaf(config, 'rm <config>', 'delete a config that nothing names', ['reveille config rm old']).action(
    async (name: string, options: Common) => {
      await (await context.client()).removeConfig({ params: { config: name } })
      show(context, options, { removed: name }, () => `there is no config ${name} any more\n`)
    },
  )

  valueCommands(config, context)
}

type Where = Common & { machine?: string; tag?: string }

/** Values of variables. */
function valueCommands(config: CliCommand, context: Context): void {
  const { terminal, clock } = context
  leaf(config, 'set <name> [value]', 'set a value for all machines, those with a tag, or one; nearer ones win', [
    'reveille config set dns_domain example.org',
    'reveille config set port 8080 --type number --tag web',
    'reveille config set token --secret --machine web1 < token.txt',
  ])
    .option('--machine <machine>', 'for this machine')
    .option('--tag <tag>', 'for machines with this tag')
    .addOption(choice('--type <type>', 'of the value; string if not given', VARIABLE_TYPES))
    .option('--secret', 'sealed, and never shown: it is asked for, read from a pipe, or from --file')
    .option('--file <file>', 'take the value from a file')
    .action(
      async (
        name: string,
        given: string | undefined,
        options: Where & { type?: (typeof VARIABLE_TYPES)[number]; secret?: boolean; file?: string },
      ) => {
        const secret = options.secret === true || options.type === 'secret'
        if (secret && given !== undefined)
          throw new WrongUse('a secret is no argument: others could read it there; pipe it in')
        if (!secret && (given === undefined) === (options.file === undefined))
          throw new WrongUse('give the value, or --file')
        const text = secret
          ? await newPassword(context, options.file)
          : (given ?? (await readFile(options.file ?? '', 'utf8')))
        const value = typedValue(options.type ?? 'string', text)
        const params = { scope: scopeOf(options), name }
        const said = await (await context.client()).setConfigValue({ params, body: { value, secret } })
        show(context, options, said, () => `${name} is set for ${said.scope}\n`)
      },
    )

  leaf(config, 'unset <name>', 'remove a value', ['reveille config unset port --tag web'])
    .option('--machine <machine>', 'of this machine')
    .option('--tag <tag>', 'of machines with this tag')
    .action(async (name: string, options: Where) => {
      const params = { scope: scopeOf(options), name }
      await (await context.client()).removeConfigValue({ params })
      show(context, options, { removed: name }, () => `${name} is not set for ${params.scope} any more\n`)
    })

  leaf(config, 'values', 'the values that are set', ['reveille config values', 'reveille config values --machine web1'])
    .option('--machine <machine>', 'of this machine')
    .option('--tag <tag>', 'of machines with this tag')
    .option('--search <text>', 'part of a name or of where it is set')
    .action(async (options: Where & { search?: string }) => {
      const scope = options.machine === undefined && options.tag === undefined ? undefined : scopeOf(options)
      const found = await all((await context.client()).listConfigValues, { query: { scope, q: options.search } })
      show(context, options, found, () =>
        table(
          ['scope', 'name', 'value', 'set'],
          found.map((each) => [
            each.scope,
            each.name,
            typeof each.value === 'string' ? each.value : JSON.stringify(each.value),
            ago(each.updatedAt, clock.now()),
          ]),
          terminal.columns,
        ),
      )
    })
}
