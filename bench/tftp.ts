import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { median, sleep, Wire } from './wire.ts'

/**
 * TFTP beside tftpd-hpa, dnsmasq and atftpd: one client that fetches 64 MiB, then a hundred at once. `REVEILLE_BENCH_RUNS` (3)
 * runs of each, taken in turns; the median counts.
 */
const RUNS = Number(process.env.REVEILLE_BENCH_RUNS ?? 3)
const SIZE = 64 * 1024 * 1024
const CASES = [
  { blksize: 512, windowsize: 1 },
  { blksize: 1468, windowsize: 1 },
  { blksize: 1468, windowsize: 8 },
  { blksize: 1468, windowsize: 64 },
]

/** atftpd conflicts with tftpd-hpa, so it is unpacked beside it instead of being installed. */
function atftpd(): string {
  const cache = resolve('.cache/atftpd')
  const program = join(cache, 'usr/sbin/atftpd')
  if (!existsSync(program)) {
    mkdirSync(cache, { recursive: true })
    execFileSync('bash', ['-c', 'apt-get download atftpd && dpkg -x atftpd_*.deb .'], { cwd: cache, stdio: 'ignore' })
  }
  return program
}

const directory = mkdtempSync(join(tmpdir(), 'reveille-bench-'))
chmodSync(directory, 0o755)
writeFileSync(join(directory, 'file'), randomBytes(SIZE))
writeFileSync(join(directory, 'small'), randomBytes(1024 * 1024))
const wire = new Wire()
/** Each server on a port of its own, all running; only one is asked at a time. */
const SERVERS: readonly (readonly [name: string, port: number, start: () => unknown])[] = [
  [
    'Reveille',
    6901,
    () => wire.start(process.execPath, 'bench/tftp-server.ts', '6901', 'file', join(directory, 'file')),
  ],
  ['tftpd-hpa', 6902, () => wire.start('in.tftpd', '-L', '-a', '0.0.0.0:6902', '-s', directory)],
  [
    'dnsmasq',
    69,
    () =>
      wire.start(
        'dnsmasq',
        '-k',
        '-C',
        '/dev/null',
        '-p',
        '0',
        '--enable-tftp',
        `--tftp-root=${directory}`,
        '--user=root',
      ),
  ],
  [
    'atftpd',
    6904,
    () =>
      wire.start(
        atftpd(),
        '--daemon',
        '--no-fork',
        '--port',
        '6904',
        '--maxthread',
        '200',
        '--user',
        'root',
        directory,
      ),
  ],
]

try {
  for (const [, , start] of SERVERS) start()
  await sleep(1500)
  const speeds = new Map<string, number[]>()
  const notes = new Map<string, string>()
  for (let run = 0; run < RUNS; run++)
    for (const { blksize, windowsize } of CASES)
      for (const [name, port] of SERVERS) {
        const key = `${name} ${blksize} ${windowsize}`
        const out = wire.run(
          process.execPath,
          ...['bench/tftp-client.ts', wire.serverAddress, String(port), 'file', String(blksize), String(windowsize)],
        )
        const got = JSON.parse(out) as { bytes: number; seconds: number; windowsize: number; timeouts: number }
        if (got.bytes !== SIZE) throw new Error(`${key}: ${got.bytes} bytes instead of ${SIZE}`)
        speeds.set(key, [...(speeds.get(key) ?? []), SIZE / 1048576 / got.seconds])
        if (got.windowsize !== windowsize) notes.set(key, ' (no windows)')
        if (got.timeouts > 0) notes.set(key, ` (${got.timeouts} time-outs)`)
      }
  console.log(`64 MiB to one client over a veth pair, MiB/s, median of ${RUNS} (least-most):\n`)
  console.log(
    `| server | ${CASES.map((each) => `${each.blksize}${each.windowsize > 1 ? `, window ${each.windowsize}` : ''}`).join(' | ')} |`,
  )
  console.log(`|---|${CASES.map(() => '---').join('|')}|`)
  for (const [name] of SERVERS) {
    const cells = CASES.map(({ blksize, windowsize }) => {
      const key = `${name} ${blksize} ${windowsize}`
      const values = speeds.get(key)!
      const spread = `${Math.min(...values).toFixed(1)}-${Math.max(...values).toFixed(1)}`
      return `${median(values).toFixed(1)} (${spread})${notes.get(key) ?? ''}`
    })
    console.log(`| ${name} | ${cells.join(' | ')} |`)
  }
} finally {
  await wire.close()
  rmSync(directory, { recursive: true })
}
