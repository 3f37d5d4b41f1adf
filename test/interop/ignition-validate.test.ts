import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readYaml } from '../../src/configs/drivers/yaml.ts'
import { transpileButane } from '../../src/protocols/ignition/butane.ts'
import { escapeUnitPath } from '../../src/protocols/ignition/mount-units.ts'
import { validateIgnition } from '../../src/protocols/ignition/validate.ts'
import { butaneText } from '../fakes/butane-document.ts'
import { GOOD, localFiles } from '../fakes/ignition-documents.ts'
import { fuzzSeed, Mutator } from '../fuzz/mutator.ts'

/** Debian's ignition-validate 2.14 knows specifications up to 3.3.0. */
const NEWEST = 3
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reveille-ignition-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** What Ignition itself says of a config: nothing where it has nothing against it. */
async function ignitionSays(name: string, config: string): Promise<string> {
  const path = join(folder, `${name}.ign`)
  await writeFile(path, config)
  const run = promisify(execFile)('ignition-validate', [path])
  const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error)
  return `${stdout}${stderr}`
}

const transpiled = GOOD.map(([language, body]) => {
  const { ignition } = transpileButane(readYaml(butaneText(language, body)).document!, localFiles)
  const { version } = (ignition as { ignition: { version: string } }).ignition
  return { language, body, ignition, minor: Number(version.split('.')[1]) }
})
const known = transpiled.filter(({ minor }) => minor <= NEWEST)

test('Ignition takes what Butane is made into, without an error or a warning', async () => {
  expect(known.length).toBeGreaterThan(90)
  const said: Record<string, string> = {}
  for (const [index, { language, body, ignition }] of known.entries()) {
    const words = await ignitionSays(`good-${index}`, JSON.stringify(ignition))
    if (words !== '') said[`${language}: ${body}`] = words
  }
  expect(said).toEqual({})
})

const of = (rest: string, minor = 3) => `{"ignition":{"version":"3.${minor}.0"},${rest}}`
const file = (rest: string) => of(`"storage":{"files":[{"path":"/a",${rest}}]}`)
const disk = (rest: string) => of(`"storage":{"disks":[{"device":"/dev/a","partitions":[${rest}]}]}`)

/** What both refuse. */
const REFUSED: readonly string[] = [
  '{"ignition":{"version":"2.3.0"}}',
  '{"ignition":{}}',
  '[]',
  of('"storage":{"files":[{"path":"a"}]}'),
  of('"storage":{"files":[{"path":"/a//b"}]}'),
  of('"storage":{"files":[{"path":"/a"},{"path":"/a"}]}'),
  of('"storage":{"files":[{"path":"/a"}],"directories":[{"path":"/a"}]}'),
  of('"storage":{"files":[{"path":"/a/b"}],"links":[{"path":"/a","target":"/c"}]}'),
  of('"storage":{"links":[{"path":"/a"}]}'),
  file('"mode":9999'),
  file('"mode":"0644"'),
  file('"overwrite":true'),
  file('"user":{"id":1,"name":"a"}'),
  file('"contents":{"source":"ftp://h/x"}'),
  file('"contents":{"source":"oem:///x"}'),
  file('"contents":{"source":"data:x"}'),
  file('"contents":{"source":"http://h","compression":"xz"}'),
  file('"contents":{"source":"http://h","verification":{"hash":"sha512-x"}}'),
  file('"contents":{"source":"http://h","verification":{"hash":"md5-x"}}'),
  file('"contents":{"source":"tftp://h/x","httpHeaders":[{"name":"A","value":"b"}]}'),
  of('"storage":{"filesystems":[{"device":"dev/a","format":"ext4"}]}'),
  of('"storage":{"filesystems":[{"device":"/dev/a","format":"ext3"}]}'),
  of('"storage":{"filesystems":[{"device":"/dev/a","format":"none"}]}', 2),
  of('"storage":{"filesystems":[{"device":"/dev/a","path":"/x"}]}'),
  of('"storage":{"filesystems":[{"device":"/dev/a","format":"xfs","label":"0123456789abc"}]}'),
  disk('{}'),
  disk('{"number":1},{"number":1}'),
  disk('{"label":"a"},{"label":"a"}'),
  disk('{"label":"a:b"}'),
  disk('{"number":1,"guid":"x"}'),
  disk('{"number":1,"label":"a","shouldExist":false}'),
  disk('{"number":1,"startMiB":1,"sizeMiB":10},{"number":2,"startMiB":5,"sizeMiB":10}'),
  of('"storage":{"raid":[{"name":"a","level":"raid7","devices":["/dev/a"]}]}'),
  of('"storage":{"raid":[{"name":"a","level":"raid1"}]}'),
  of('"storage":{"raid":[{"name":"a","level":"raid0","devices":["/dev/a"],"spares":1}]}'),
  of('"storage":{"luks":[{"name":"a"}]}'),
  of('"storage":{"luks":[{"name":"a/b","device":"/dev/a"}]}'),
  of('"storage":{"luks":[{"name":"a","device":"/dev/a","clevis":{"tang":[{"url":"foo","thumbprint":"z"}]}}]}'),
  of('"storage":{"luks":[{"name":"a","device":"/dev/a","clevis":{"tpm2":true,"custom":{"pin":"tang","config":"x"}}}]}'),
  of('"systemd":{"units":[{"name":"a"}]}'),
  of('"systemd":{"units":[{"name":"a.service"},{"name":"a.service"}]}'),
  of('"systemd":{"units":[{"name":"a.service","dropins":[{"name":"x"}]}]}'),
  of('"systemd":{"units":[{"name":"a.service","contents":"[Unit"}]}'),
  of('"systemd":{"units":[{"name":"a.service","contents":"[Unit]\\nfoo\\n"}]}'),
  of('"passwd":{"users":[{"name":"a"},{"name":"a"}]}'),
  of('"passwd":{"users":[{"name":"a","groups":["x","x"]}]}'),
  of('"kernelArguments":{"shouldExist":["a","a"]}'),
  of('"kernelArguments":{"shouldExist":["a"],"shouldNotExist":["a"]}'),
  '{"ignition":{"version":"3.3.0","proxy":{"httpProxy":"foo"}}}',
  '{"ignition":{"version":"3.3.0","config":{"merge":[{}]}}}',
]

test('Ignition refuses what is refused here', async () => {
  const taken: string[] = []
  for (const [index, text] of REFUSED.entries()) {
    const { document } = readYaml(text)
    expect(
      validateIgnition(document!).some(({ severity }) => severity === 'error'),
      text,
    ).toBe(true)
    const words = await ignitionSays(`bad-${index}`, text)
    if (!/error|couldn't parse|failed/.test(words)) taken.push(text)
  }
  expect(taken).toEqual([])
})

const LINES = [
  '[Unit]',
  '[Install]',
  ' [Service]',
  '[',
  '[]',
  '[a',
  '[a] b',
  'A=b',
  'A=b \\',
  ' c',
  '# c',
  ';c',
  '',
  'foo',
  '=',
  'A==b',
  '\\',
  ' A = b',
]
const PARTS = [
  '/',
  'a',
  '.',
  '..',
  '//',
  'b c',
  '%',
  ':',
  'ä',
  '\n',
  '-',
  'http:',
  'https:',
  's3:',
  'data:',
  'data:,',
  ';base64,',
  'aGk=',
  'h/x',
  '?',
  '#',
  '@',
  '0644',
]

/** What Ignition finds wrong in many values at once, and what is found here. */
async function bothFind(config: object): Promise<Readonly<{ ignition: Set<string>; here: Set<string> }>> {
  const text = JSON.stringify({ ignition: { version: '3.3.0' }, ...config })
  const said = await ignitionSays('many', text)
  const paths = [...said.matchAll(/^error at (\$\S+),/gm)].map((match) => match[1]!)
  const problems = validateIgnition(readYaml(text).document!).filter(({ severity }) => severity === 'error')
  return { ignition: new Set(paths), here: new Set(problems.map(({ path }) => path)) }
}

test('contents of units are refused by Ignition only where they are refused here', async () => {
  const mutator = new Mutator(fuzzSeed('units'))
  const some = (from: readonly string[], separator: string) =>
    Array.from({ length: 1 + mutator.below(5) }, () => mutator.pick(from)).join(separator)
  const units = Array.from({ length: 500 }, (_, index) => ({ name: `u${index}.service`, contents: some(LINES, '\n') }))
  const { ignition, here } = await bothFind({ systemd: { units } })
  expect(ignition.size).toBeGreaterThan(20)
  const missed = [...ignition].filter((path) => !here.has(path))
  expect(missed.map((path) => units[Number(path.split('.')[3])])).toEqual([])
})

test('paths and URLs are refused by Ignition only where they are refused here', async () => {
  const mutator = new Mutator(fuzzSeed('paths'))
  const some = () => Array.from({ length: 1 + mutator.below(5) }, () => mutator.pick(PARTS)).join('')
  const files = Array.from({ length: 400 }, (_, index) => ({ path: `/f${index}`, contents: { source: some() } }))
  const directories = Array.from({ length: 400 }, (_, index) => ({ path: `/d${index}${some()}` }))
  const { ignition, here } = await bothFind({ storage: { files, directories } })
  expect(ignition.size).toBeGreaterThan(100)
  const missed = [...ignition].filter((path) => !here.has(path))
  const value = (path: string) => {
    const [, , kind, index] = path.split('.')
    return kind === 'files' ? files[Number(index)] : directories[Number(index)]
  }
  expect(missed.map(value)).toEqual([])
})

test('both warn of a unit that is enabled but has no [Install] section', async () => {
  const text = of('"systemd":{"units":[{"name":"a.service","enabled":true,"contents":"[Service]\\nExecStart=/x\\n"}]}')
  expect(await ignitionSays('install', text)).toMatch(/warning/)
  expect(validateIgnition(readYaml(text).document!)).toMatchObject([{ severity: 'warning' }])
})

test('paths are named in units as systemd-escape names them', async () => {
  const paths = ['/', '/var/lib/x', '/dev/disk/by-label/ä b', '/a_b:c.d-e', '/.a/.b', '/dev/mapper/foo-bar', '/x@y/z~']
  const { stdout } = await promisify(execFile)('systemd-escape', ['--path', ...paths])
  expect(paths.map(escapeUnitPath)).toEqual(stdout.trim().split(' '))
})
