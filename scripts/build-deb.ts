import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, copyFile, cp, lstat, lutimes, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { agentBundle, PREBUILT } from '../src/management/bundle.ts'
import { controlFile, isLeftOut, type PackageLock, runPackages, shippedModules } from './deb-contents.ts'

/**
 * Builds dist/deb/reveille_VERSION_ARCHITECTURE.deb (and, for this computer, dist/deb/reveille.deb, the same under one name): the
 * compiled server, the console, the agent, the npm packages it runs with and its own Node. `--arch arm64` or `amd64` builds for the other
 * architecture: nothing is compiled to machine code here, so only other prebuilt npm packages are needed, and they are fetched. The same
 * sources give the same bytes: the one time in it is SOURCE_DATE_EPOCH, else that of the last commit.
 */
const root = resolve(import.meta.dirname, '..')
const out = join(root, 'dist/deb')
const own = process.arch === 'arm64' ? 'arm64' : 'amd64'
const architecture = parseArgs({ options: { arch: { type: 'string', default: own } } }).values.arch
if (architecture !== 'amd64' && architecture !== 'arm64')
  throw new Error(`--arch is ${architecture}: it must be amd64 or arm64`)
/** What npm calls it. */
const cpu = architecture === 'amd64' ? 'x64' : 'arm64'
const stage = join(out, `stage-${architecture}`)
const home = join(stage, 'usr/lib/reveille')

const call = async (program: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> => {
  try {
    return (await promisify(execFile)(program, args, { cwd: root, env: { ...process.env, ...env } })).stdout
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error })
  }
}

const read = (path: string) => readFile(join(root, path), 'utf8')

/** Seconds since 1970. A copy of the sources without Git has its time from package.json. */
async function epoch(): Promise<number> {
  const given = process.env.SOURCE_DATE_EPOCH
  if (given !== undefined) {
    if (!/^\d{1,12}$/.test(given)) throw new Error(`SOURCE_DATE_EPOCH is ${given}: it must be seconds since 1970`)
    return Number(given)
  }
  const committed = await call('git', ['log', '-1', '--format=%ct']).catch(() => '')
  if (committed !== '') return Number(committed)
  return Math.floor((await lstat(join(root, 'package.json'))).mtimeMs / 1000)
}

async function put(from: string, to: string, mode: number): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  await copyFile(join(root, from), to)
  await chmod(to, mode)
}

/** The folder whose node_modules are for the wanted architecture: this checkout, or a copy of the lockfile installed for another. */
async function modulesFolder(): Promise<string> {
  if (architecture === own) return root
  const folder = join(out, `npm-${architecture}`)
  await mkdir(folder, { recursive: true })
  for (const file of ['package.json', 'package-lock.json', '.npmrc']) await put(file, join(folder, file), 0o644)
  const target = [`--cpu=${cpu}`, '--os=linux', '--libc=glibc']
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  await call('npm', ['install', '--prefix', folder, '--no-save', '--omit=dev', ...target, ...quiet])
  return folder
}

async function stageAll(): Promise<void> {
  await rm(stage, { recursive: true, force: true })
  await mkdir(home, { recursive: true })
  await call('scripts/build-web', [])
  await call('node_modules/.bin/tsc', ['-p', 'tsconfig.package.json', '--outDir', join(home, 'dist/lib')])
  await mkdir(join(home, dirname(PREBUILT)), { recursive: true })
  await writeFile(join(home, PREBUILT), await agentBundle(root))
  await cp(join(root, 'dist/web'), join(home, 'dist/web'), { recursive: true })
  await cp(join(root, 'docs'), join(home, 'docs'), { recursive: true })
  for (const file of ['package.json', 'LICENSE', 'CHANGELOG.md']) await put(file, join(home, file), 0o644)
  await put('bin/reveille', join(home, 'bin/reveille'), 0o755)
  await put('scripts/install-packages', join(home, 'scripts/install-packages'), 0o755)

  const lock: PackageLock = JSON.parse(await read('package-lock.json'))
  const modules = await modulesFolder()
  for (const path of shippedModules(lock, cpu)) {
    if (isLeftOut(path, cpu)) continue
    const from = join(modules, path)
    if (!(await lstat(from).catch(() => undefined))) {
      if (lock.packages[path]?.optional === true) continue
      throw new Error(`${path} is not installed. Run: npm install   (in ${modules})`)
    }
    await cp(from, join(home, path), {
      recursive: true,
      // Packages inside of packages are entries of their own.
      filter: (source) => source === from || !isLeftOut(source.slice(modules.length + 1), cpu),
    })
  }

  await mkdir(join(stage, 'usr/bin'), { recursive: true })
  await writeFile(join(stage, 'usr/bin/reveille'), '#!/bin/sh\nexec /usr/lib/reveille/bin/reveille "$@"\n')
  await chmod(join(stage, 'usr/bin/reveille'), 0o755)
  await put('packaging/reveille.service', join(stage, 'usr/lib/systemd/system/reveille.service'), 0o644)
  await put('packaging/reveille.yaml', join(stage, 'etc/reveille/reveille.yaml'), 0o644)
  await put('LICENSE', join(stage, 'usr/share/doc/reveille/copyright'), 0o644)
}

/** Every file below `directory`, sorted, as paths from `stage`. */
async function filesBelow(directory: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) found.push(...(await filesBelow(path)))
    else found.push(path.slice(stage.length + 1))
  }
  return found.sort()
}

async function control(version: string): Promise<void> {
  const directory = join(stage, 'DEBIAN')
  const files = await filesBelow(stage)
  let bytes = 0
  let sums = ''
  for (const file of files) {
    const found = await lstat(join(stage, file))
    if (!found.isFile()) continue
    bytes += Math.ceil(found.size / 1024) * 1024
    const hash = createHash('md5')
      .update(await readFile(join(stage, file)))
      .digest('hex')
    sums += `${hash}  ${file}\n`
  }
  await mkdir(directory)
  const needs = runPackages(await read('scripts/install-packages'))
  await writeFile(join(directory, 'control'), controlFile({ version, architecture, kibibytes: bytes / 1024, needs }))
  await writeFile(join(directory, 'md5sums'), sums)
  await writeFile(join(directory, 'conffiles'), '/etc/reveille/reveille.yaml\n')
  for (const script of ['postinst', 'prerm', 'postrm'])
    await put(`packaging/debian/${script}`, join(directory, script), 0o755)
}

/** The modes of a checkout depend on the umask of who made it, and times on when that was. */
async function normalize(directory: string, time: number): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) await normalize(path, time)
    else if (entry.isFile()) await chmod(path, ((await lstat(path)).mode & 0o100) === 0 ? 0o644 : 0o755)
    if (!entry.isDirectory()) await lutimes(path, time, time)
  }
  await chmod(directory, 0o755)
  await lutimes(directory, time, time)
}

const { version } = JSON.parse(await read('package.json')) as { version: string }
const time = await epoch()
await stageAll()
await control(version)
await normalize(stage, time)
const made = join(out, `reveille_${version}_${architecture}.deb`)
// Debian 12 and later unpack zstd, which is made in seconds. The number of threads must not show in the result.
const packing = ['-Zzstd', '-z12', '--threads-max=1', '--root-owner-group']
await call('dpkg-deb', ['--build', ...packing, stage, `${made}.part`], { SOURCE_DATE_EPOCH: String(time) })
await rename(`${made}.part`, made)
if (architecture === own) await copyFile(made, join(out, 'reveille.deb'))
await rm(stage, { recursive: true })
process.stdout.write(`${made.slice(root.length + 1)}\n`)
