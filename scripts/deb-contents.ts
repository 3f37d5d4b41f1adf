/** What goes into the Debian package: pure decisions over the lockfile and the list of Debian packages. */

export type PackageLock = Readonly<{
  packages: Readonly<
    Record<
      string,
      Readonly<{
        dev?: boolean
        devOptional?: boolean
        optional?: boolean
        os?: readonly string[]
        cpu?: readonly string[]
      }>
    >
  >
}>

/** Paths (`node_modules/...`) of the npm packages that the server runs with on Linux of this architecture, sorted. */
export function shippedModules({ packages }: PackageLock, arch: string): string[] {
  const fits = (wanted: readonly string[] | undefined, own: string) => wanted === undefined || wanted.includes(own)
  return Object.entries(packages)
    .filter(([path, { dev, devOptional }]) => path.startsWith('node_modules/') && !dev && !devOptional)
    .filter(([, { os, cpu }]) => fits(os, 'linux') && fits(cpu, arch))
    .map(([path]) => path)
    .sort()
}

/** Sources, headers, and what is for compilers and other computers. */
const NOT_NEEDED = [
  /^better-sqlite3\/(deps|src|binding\.gyp)$/,
  /^koffi\/(vendor|doc)$/,
  /^node-linux-[^/]+\/(include|share|CHANGELOG\.md|README\.md)$/,
  /^(cpu-features|nan|buildcheck)(\/|$)/,
  /\.(map|d\.ts|d\.mts|d\.cts)$/,
  /\/\.(github|travis\.yml|eslintrc[^/]*|npmignore|editorconfig)$/,
  /\/musl_[^/]+$/,
]

/** Whether a file or folder of an npm package (`node_modules/...`) stays out. */
export function isLeftOut(path: string, arch: string): boolean {
  const at = path.lastIndexOf('node_modules/')
  const inside = path.slice(at + 'node_modules/'.length)
  // The folder of packages inside of a package: each of them is shipped by itself or not at all.
  if (path.endsWith('/node_modules')) return true
  const prebuilt = /^better-sqlite3\/prebuilds\/(.+)\.node$/.exec(inside)
  if (prebuilt) return prebuilt[1] !== `linux-${arch}`
  return NOT_NEEDED.some((pattern) => pattern.test(inside))
}

/** The Debian packages of group `run`, from the script that installs them in a checkout. */
export function runPackages(script: string): string[] {
  const found = [...script.matchAll(/^run\s+(\S+)\s/gm)].map((match) => match[1]!)
  if (found.length === 0) throw new Error('scripts/install-packages names no package of group run')
  return found.sort()
}

/** What the lab and the making of images and of the management OS need, a server without them does not. */
const ONLY_SUGGESTED = /^(qemu-|ovmf$|ipxe-qemu$)/

/** Debian has them for PCs only. */
const NOT_ON_ARM64 = /^(grub-pc-bin|grub-efi-amd64-.+)$/

export function controlFile(of: {
  version: string
  architecture: string
  kibibytes: number
  needs: readonly string[]
}): string {
  const needs = of.needs.filter((name) => of.architecture !== 'arm64' || !NOT_ON_ARM64.test(name))
  const suggested = needs.filter((name) => ONLY_SUGGESTED.test(name))
  const recommended = needs.filter((name) => !ONLY_SUGGESTED.test(name))
  return [
    'Package: reveille',
    `Version: ${of.version}`,
    `Architecture: ${of.architecture}`,
    'Maintainer: The Reveille authors <reveille@localhost>',
    `Installed-Size: ${of.kibibytes}`,
    'Depends: libc6 (>= 2.34), libstdc++6, passwd',
    `Recommends: ${recommended.join(', ')}`,
    `Suggests: ${suggested.join(', ')}`,
    'Section: admin',
    'Priority: optional',
    'Description: network boot and deployment of bare metal',
    ' DHCP, TFTP, HTTP and iSCSI boot, disk images, power and BMCs of machines, with',
    ' a console, an API and a command line, and the reasons when a boot fails.',
    ' .',
    ' Holds its own Node.js; nothing of it is seen by other programs.',
    '',
  ].join('\n')
}
