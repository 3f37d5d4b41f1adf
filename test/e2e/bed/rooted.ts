import type { IscsiSession } from '../../../src/api/contract/iscsi.ts'
import { DONE, ROOTED } from './facts.ts'
import type { Server } from './server.ts'
import { until } from './until.ts'
import type { Vm } from './vm.ts'

/** What a system said of itself when it started from a disk of ours. */
export type Facts = Readonly<
  Record<'boot' | 'firmware' | 'initiator' | 'target' | 'lun' | 'gateway' | 'marker' | 'root', string>
>

/** Waits until a machine runs from its iSCSI disk. */
export async function rooted(vm: Vm, ms = 800_000): Promise<Facts> {
  const [line] = await vm.shows(new RegExp(`${ROOTED} [^\\n]*\\.\\r?\\n`), ms, 500)
  vm.forget()
  return Object.fromEntries(
    [...line.matchAll(/(\w+)=(\S*?)(?=\.?\s)/g)].map(([, name, value]) => [name, value]),
  ) as Facts
}

/** Runs a line in its shell; what it printed. */
export async function shell(vm: Vm, line: string, ms = 60_000): Promise<string> {
  vm.forget()
  vm.type(`${line}\r`)
  const [said, status] = await vm.shows(new RegExp(`[\\s\\S]*${DONE} (\\d+)\\.`), ms, 200)
  vm.forget()
  if (status !== '0') throw new Error(`${vm.name}: ${line}: ${said}`)
  return said
    .replace(new RegExp(`${DONE} \\d+\\.`), '')
    .replaceAll('\r', '')
    .trim()
}

/** Waits until the server knows that a machine is gone that said no goodbye: the keep-alive of its session tells. */
export async function loggedOut(server: Server, vm: Vm): Promise<void> {
  await until(
    `${vm.name} is logged out`,
    120_000,
    async () => {
      const { items } = await server.api<{ items: IscsiSession[] }>('GET', '/volumes/sessions')
      return items.every(({ machine }) => machine !== vm.name) ? true : undefined
    },
    1000,
  )
}
