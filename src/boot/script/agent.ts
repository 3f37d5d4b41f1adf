import type { ImageFile, ImageVersion } from '../../images/image.ts'
import { BOOT_PATHS } from '../paths.ts'
import type { Choice } from './choose.ts'
import type { ScriptRequest } from './request.ts'

/** The image that `reveille agent build` makes: kernel and initrd of the management OS. */
export const MANAGEMENT_OS = 'management-os'
/** Screen and first serial port: machines in racks show nothing else. */
const AGENT_CMDLINE = 'console=tty0 console=ttyS0,115200'

export type AgentChoice = Extract<Choice, { what: 'agent' }>

type AgentFacts = Readonly<{
  image: (reference: string) => { version: ImageVersion } | undefined
  grant: (
    use: 'agent' | 'agent-boot',
    binding: Readonly<{ machine: string; profile: string; once: string | null }>,
  ) => string
  newBoot: () => string
}>

/** What the management OS is started with. */
export type AgentPlan = Readonly<{
  kernel: ImageFile
  initrds: readonly ImageFile[]
  /** Behind the names of initrds, where a loader needs those. */
  args: string
  /** Path of the initrd that proves which boot of which machine it is. The word in it is on the wire, so it is good for one fetch. */
  pass: string
  /** Seals the reports of this boot. */
  mark: string
}>

/** Why it cannot be started, and what helps. */
export type AgentProblem = Readonly<{ problem: string; next: string }>

export function planAgent(
  request: ScriptRequest,
  { machine, deployment }: AgentChoice,
  facts: AgentFacts,
): AgentPlan | AgentProblem {
  if (request.architecture !== undefined && request.architecture !== 'x86_64')
    return {
      problem: `there is no management OS for ${request.architecture}`,
      next: 'cancel the deployment: this machine cannot be installed',
    }
  const version = facts.image(MANAGEMENT_OS)?.version
  const kernel = version?.files.find(({ role }) => role === 'kernel')
  if (!version || !kernel)
    return { problem: 'the management OS is not built yet', next: 'build it: reveille agent build' }
  const word = facts.grant('agent', { machine: machine.id, profile: deployment, once: facts.newBoot() })
  return {
    kernel,
    initrds: version.files.filter(({ role }) => role === 'initrd'),
    args: `${version.cmdline || AGENT_CMDLINE} reveille.mac=${request.mac}`,
    pass: BOOT_PATHS.agentPass(word),
    mark: facts.grant('agent-boot', { machine: machine.id, profile: deployment, once: null }),
  }
}

/** What helps where a text of the image has no place in a script. */
export const BUILD_AGAIN = 'build it again: reveille agent build --force'
