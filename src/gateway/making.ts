import { randomBytes } from 'node:crypto'
import { Refusal } from '../kit/errors.ts'
import { parseIpv4, parseSubnet } from '../kit/ip.ts'
import type { Secret } from '../kit/secret.ts'
import { assertUserName, FIRST_SLOT, sealPassword } from './accounts.ts'
import type { GatewayAround } from './around.ts'
import { type Bmc, CIPHER_SUITES, type CipherSuite, type Privilege } from './bmc.ts'
import type { Places } from './places.ts'
import type { CommandClass, Routes } from './routes.ts'
import { routeProblem, wordProblem } from './routing.ts'

export type NewBmc = Readonly<{
  user: string
  privilege: Privilege
  /** A random one if left out. */
  password?: string | undefined
  address?: string | undefined
  port?: number | undefined
  cipherSuites?: readonly CipherSuite[] | undefined
  clients: readonly string[]
  routes: Routes
}>

type Order = Readonly<{
  machine: string
  wanted: NewBmc
  password: Secret
  rule: string | null
  /** Of those that exist. */
  places: Places
}>

/** A BMC as it begins. Refused when what is wanted is not possible. */
export function makeBmc(around: GatewayAround, { machine, wanted, password, rule, places }: Order): Bmc {
  assertUserName(wanted.user)
  const now = around.clock.now()
  const { user: name, privilege } = wanted
  const sealed = sealPassword(around, machine, FIRST_SLOT, password)
  const suites = wanted.cipherSuites ?? CIPHER_SUITES.filter((suite) => suite !== 3 || around.suite3)
  return {
    machine,
    enabled: true,
    ...placeOf(machine, { address: wanted.address ?? null, port: wanted.port }, places),
    guid: randomBytes(16).toString('hex'),
    users: [{ slot: FIRST_SLOT, name, privilege, enabled: true, sealed }],
    cipherSuites: allowedSuites(around, suites),
    clients: checkedClients(wanted.clients),
    routes: wanted.routes,
    bootOrder: null,
    bootOrdered: null,
    media: null,
    restartCause: 0,
    rule,
    createdAt: now,
    updatedAt: now,
  }
}

/** Where a BMC is to listen: by itself an address has port 623, and the gateway's address the next free port. */
export function placeOf(
  machine: string,
  wanted: Readonly<{ address: string | null; port: number | undefined }>,
  places: Places,
) {
  if (wanted.address !== null && parseIpv4(wanted.address) === undefined)
    throw new Refusal('validation-failed', `${wanted.address} is no IPv4 address`)
  return places.find(machine, wanted)
}

export function allowedSuites({ suite3 }: GatewayAround, wanted: readonly CipherSuite[]): readonly CipherSuite[] {
  if (wanted.includes(3) && !suite3)
    throw new Refusal('validation-failed', 'cipher suite 3 is switched off by the setting gateway.cipherSuite3')
  return CIPHER_SUITES.filter((suite) => wanted.includes(suite))
}

export function checkedClients(clients: readonly string[]): readonly string[] {
  const wrong = clients.find((text) => !parseSubnet(text.includes('/') ? text : `${text}/32`))
  if (wrong !== undefined)
    throw new Refusal('validation-failed', `${wrong} is no address or subnet such as 10.0.0.5 or 10.0.0.0/24`)
  return clients
}

/** Refuses routes to drivers that are missing or that cannot do what they are to do, and says what would work. */
export function assertRoutes(
  { powers, machine }: GatewayAround,
  id: string,
  routes: Readonly<Partial<Record<CommandClass, string | null>>>,
): void {
  const drivers = powers.driversOf(id)
  const found = Object.entries(routes).flatMap(([of, target]) => {
    const problem = target == null ? undefined : routeProblem(of as CommandClass, target, drivers)
    return problem ? [{ path: `routes.${of}`, ...problem }] : []
  })
  const [first] = found
  if (!first) return
  throw new Refusal('validation-failed', `${machine(id)?.name ?? id} cannot be routed like this: ${first.message}`, {
    next: first.next,
    problems: found.map(({ path, message, next }) => ({ path, message: `${message}; ${next}` })),
  })
}

/** Refuses routes that are right for no machine. */
export function assertRoutable(routes: Routes): void {
  const problems = Object.entries(routes).flatMap(([of, target]) => {
    const message = wordProblem(of as CommandClass, target)
    return message === undefined ? [] : [{ path: `routes.${of}`, message }]
  })
  if (problems.length > 0) throw new Refusal('validation-failed', 'a BMC cannot be routed like this', { problems })
}
