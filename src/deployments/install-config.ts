import type { RenderedConfig } from '../configs/config.ts'
import { Refusal } from '../kit/errors.ts'
import type { Machine } from '../machines/machine.ts'
import type { Identity, TaskWork } from './deployment.ts'

/** What deployments ask of configs. */
export interface InstallConfigs {
  /** `NAME@3`, its kind, whether it is told to phone home, and why this machine cannot be given it. `undefined`: there is no such config. */
  look(
    reference: string,
    machine: Machine,
  ):
    | Readonly<{ pinned: string; kind: RenderedConfig['kind']; phonesHome: boolean; problem: string | undefined }>
    | undefined
  /** With secrets, for the system that a deployment (id) installs on this machine. Refused when there is no such config any more. */
  render(reference: string, machine: Machine, deployment: string): RenderedConfig
}

type IdentityWork = Extract<TaskWork, { kind: 'identity' }>

/** The config of a profile as it is now. Refused when it is none that an installed system reads, or does not fit this machine. */
export function pinnedConfig(
  reference: string | null,
  machine: Machine,
  configs: InstallConfigs | undefined,
): Readonly<{ pinned: string; phonesHome: boolean }> | null {
  if (reference === null) return null
  const found = configs?.look(reference, machine)
  if (!found)
    throw new Refusal('not-found', `there is no config ${reference}`, { next: 'list them: reveille config list' })
  if (!INSTALLED.some((kind) => kind === found.kind))
    throw new Refusal(
      'wrong-state',
      `the config ${reference} is of kind ${found.kind}, which no installed system reads`,
      {
        next: `use one of kind ${INSTALLED.join(', ')}; what installers read is the config of a live profile`,
      },
    )
  if (found.problem !== undefined)
    throw new Refusal('validation-failed', found.problem, {
      next: `see all of it: reveille config render ${reference} --machine ${machine.name}`,
    })
  return found
}

/** The kinds that a system reads at its first boot from its own disk. */
const INSTALLED = ['butane', 'ignition', 'cloud-init'] as const

/** The deployment (id) that writes it, and where. */
type WrittenFor = Readonly<{
  deployment: string
  machine: Machine | undefined
  configs: InstallConfigs | undefined
}>

/** The task with the rendered config in its identity, or why there is none. */
export function withConfig(
  { config = null, ...work }: IdentityWork,
  { deployment, machine, configs }: WrittenFor,
): Omit<IdentityWork, 'config'> | string {
  if (config === null) return work
  if (!machine || !configs) return `the config ${config} cannot be rendered: the machine is gone`
  try {
    const rendered = configs.render(config, machine, deployment)
    const fault = rendered.problems.find(({ severity }) => severity === 'error')
    if (fault) return `the config ${config}, ${fault.part}${fault.at ? ` line ${fault.at.line}` : ''}: ${fault.message}`
    return { ...work, identity: { ...work.identity, ...partsOf(rendered) } }
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
}

/** Configs of these tasks that do not fit, to be told before a byte is written. */
export function misfits(works: readonly TaskWork[], written: WrittenFor): string[] {
  const tried = works.map((work) => (work.kind === 'identity' ? withConfig(work, written) : undefined))
  return tried.filter((each) => typeof each === 'string')
}

function partsOf({ parts }: RenderedConfig): Partial<Identity> {
  const given = (name: string) => parts.find((part) => part.name === name)?.content
  const ignition = given('ignition.json')
  if (ignition !== undefined) return { ignition }
  return {
    userData: given('user-data') ?? null,
    metaData: given('meta-data') ?? null,
    networkConfig: given('network-config') ?? null,
    vendorData: given('vendor-data') ?? null,
  }
}
