import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { buildImage } from '../../../src/imaging/build.ts'
import { FACTS_SCRIPT } from './facts.ts'
import { inTurn } from './in-turn.ts'

const run = promisify(execFile)
/** Kept between runs: it is three minutes of work, and made of packages alone. */
const CACHE = '.cache/debian-root'
const PACKAGES = [
  'systemd-sysv',
  'dbus',
  'udev',
  'linux-image-amd64',
  'initramfs-tools',
  'open-iscsi',
  'iproute2',
  'zstd',
]
/** Of which a quarter is used. */
const BYTES = 2 * 2 ** 30
/** What no machine of the lab has and what nobody reads there: 300 MB. */
const LEFT_OUT = [
  ...['doc', 'man', 'locale', 'i18n', 'info'].map((name) => `/usr/share/${name}/*`),
  ...['gpu', 'media', 'net/wireless', 'infiniband', 'staging', 'iio'].map(
    (name) => `/lib/modules/*/kernel/drivers/${name}/*`,
  ),
  '/lib/modules/*/kernel/sound/*',
]
/** Says what the tests want to know, then does what they type; it has the serial line to itself. */
const UNIT = `[Unit]
Description=Facts for the tests
After=multi-user.target
[Service]
ExecStart=/usr/local/sbin/facts
StandardInput=tty-force
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
Restart=always
[Install]
WantedBy=multi-user.target
`

/** In systemd's place, for boots that need not be a whole Debian: a third of the time. */
const QUICK_INIT = `#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec </dev/ttyS0 >/dev/ttyS0 2>&1
# It logs in again when a connection breaks; the kernel alone does not.
echo "InitiatorName=$(cat /sys/firmware/ibft/initiator/initiator-name)" >/etc/iscsi/initiatorname.iscsi
iscsid
. /usr/local/sbin/facts
`

/** Commands that put a file below the new root, \`$1\`, as mmdebstrap runs them. */
function put(path: string, mode: string, content: string): string {
  const encoded = Buffer.from(content).toString('base64')
  return `mkdir -p "$1/$(dirname ${path})" && echo ${encoded} | base64 -d >"$1/${path}" && chmod ${mode} "$1/${path}"`
}

const ESSENTIAL = [put('etc/iscsi/iscsi.initramfs', '644', 'ISCSI_AUTO=true\n')]
const CUSTOMIZE = [
  put('etc/hostname', '644', 'debian-root\n'),
  put('usr/local/sbin/facts', '755', `#!/bin/sh\n${FACTS_SCRIPT}`),
  put('usr/local/sbin/quick-init', '755', QUICK_INIT),
  put('etc/systemd/system/facts.service', '644', UNIT),
  'chroot "$1" systemctl -q enable facts.service',
  'chroot "$1" systemctl -q mask serial-getty@ttyS0.service getty@tty1.service apt-daily.timer apt-daily-upgrade.timer',
  'rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*',
]

/** The same system twice: as Debian starts it, and `quick`, with nothing but its kernel, initramfs and iSCSI daemon. */
export type DebianDisks = Readonly<{ whole: string; quick: string }>

/**
 * Disks with Debian 12 as anybody would install it for a root on iSCSI: systemd, initramfs-tools and open-iscsi with
 * `ISCSI_AUTO=true`, its own kernel, booting by BIOS and UEFI. Made with mmdebstrap, as root, from the mirror that apt has.
 */
export function debianRoot(): Promise<DebianDisks> {
  return inTurn(CACHE, made)
}

async function made(): Promise<DebianDisks> {
  const recipe = createHash('sha256')
    .update(await readFile(import.meta.filename))
    .update(FACTS_SCRIPT)
  const kept = join(CACHE, recipe.digest('hex').slice(0, 16))
  const disks = { whole: join(kept, 'whole.img'), quick: join(kept, 'quick.img') }
  if (existsSync(kept)) return disks
  await rm(CACHE, { recursive: true, force: true })
  await mkdir(CACHE, { recursive: true })
  const work = await mkdtemp(join(CACHE, 'building-'))
  const archive = join(work, 'root.tar')
  await run(
    'mmdebstrap',
    [
      ...['--quiet', '--variant=minbase', '--mode=root', '--aptopt=APT::Install-Recommends "false"'],
      ...LEFT_OUT.map((path) => `--dpkgopt=path-exclude=${path}`),
      `--include=${PACKAGES.join(',')}`,
      ...ESSENTIAL.map((hook) => `--essential-hook=${hook}`),
      ...CUSTOMIZE.map((hook) => `--customize-hook=${hook}`),
      ...['bookworm', archive, ...sources()],
    ],
    { maxBuffer: 2 ** 26 },
  )
  const cmdline = 'console=ttyS0,115200 loglevel=4'
  const build = (name: string, more: string) =>
    buildImage(
      { file: join(work, name), from: archive, size: BYTES, cmdline: `${cmdline} ${more}`, firmware: ['bios', 'uefi'] },
      () => undefined,
    )
  await build('whole.img', 'systemd.show_status=no')
  await build('quick.img', 'init=/usr/local/sbin/quick-init')
  await rm(archive)
  await rename(work, kept)
  return disks
}

/** Where apt of this computer gets Debian from; mmdebstrap has a default of its own where that is not in a file. */
function sources(): string[] {
  const files = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list']
  return files.filter((file) => existsSync(file)).slice(0, 1)
}
