/** Runs in the agent's place: tells what a program in the management OS has around it. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { freemem, networkInterfaces } from 'node:os'
import { setTimeout } from 'node:timers/promises'

const say = (text: string) => console.log(`HELLO ${text}`)
const disks = readdirSync('/sys/block')
  .filter((name) => !/^(loop|ram)/.test(name))
  .map((name) => `${name}=${readFileSync(`/sys/block/${name}/serial`, 'utf8').trim()}`)
say(`disks ${disks.join(' ') || 'none'}`)
const addresses = Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? [])
say(`addresses ${addresses.join(' ')}`)
for (const program of ['resize2fs', 'e2fsck', 'blkid', 'smartctl', 'blkdiscard']) {
  const path = execFileSync('which', [program]).toString().trim()
  say(`program ${path}`)
}
say(`free ${Math.round(freemem() / 2 ** 20)} MiB`)
if (readFileSync('/proc/cmdline', 'utf8').includes('test.crash')) process.exit(7)
for (;;) await setTimeout(60_000)
