import type { OutputOf } from '../../api/client/client.ts'
import { count } from '../parts/words.ts'

/** Something that a person should look at, and where. */
export type Matter = Readonly<{
  tone: 'wait' | 'bad'
  text: string
  to: '/machines' | '/networks' | '/volumes'
  search: Readonly<Record<string, string>>
}>
type Seen = Readonly<{
  status: Pick<OutputOf<'getStatus'>, 'machines' | 'boots' | 'power'>
  networks: readonly Pick<OutputOf<'listNetworks'>['items'][number], 'name' | 'used' | 'size'>[]
  pools: readonly Pick<OutputOf<'listPools'>['items'][number], 'name' | 'state' | 'detail'>[]
}>

/** What needs somebody, the worst first. Pure, so that tests can hold it to that. */
export function attention({ status, networks, pools }: Seen): Matter[] {
  const matters: Matter[] = []
  const of = (counts: Readonly<Record<string, number>>, word: string) => counts[word] ?? 0
  const machines = (
    tone: Matter['tone'],
    n: number,
    what: (machines: string, one: boolean) => string,
    search: Matter['search'],
  ) => {
    if (n > 0) matters.push({ tone, text: what(count(n, 'machine'), n === 1), to: '/machines', search })
  }
  machines('bad', of(status.machines, 'failed'), (those) => `${those} failed`, { state: 'failed' })
  machines('bad', of(status.boots, 'failed'), (those) => `The newest boot of ${those} failed`, { boot: 'failed' })
  for (const { name, state, detail } of pools)
    if (state !== 'ok')
      matters.push({
        tone: state === 'full' ? 'bad' : 'wait',
        text: `Pool ${name}: ${detail.replace(/\.$/, '')}`,
        to: '/volumes',
        search: {},
      })
  for (const { name, used, size } of networks)
    if (size > 0 && used > size * 0.9)
      matters.push({
        tone: 'bad',
        text:
          used >= size
            ? `Network ${name} has no address left`
            : `Network ${name} has ${count(size - used, 'address', 'addresses')} left of ${size.toLocaleString('en-US')}`,
        to: '/networks',
        search: { network: name },
      })
  machines('wait', of(status.boots, 'stalled'), (those) => `The newest boot of ${those} does not go on`, {
    boot: 'stalled',
  })
  machines('wait', of(status.power, 'unknown'), (those) => `The power of ${those} cannot be read`, { power: 'unknown' })
  machines(
    'wait',
    of(status.machines, 'discovered'),
    (those, one) => `${those} ${one ? 'is' : 'are'} new and ${one ? 'waits' : 'wait'} to be approved`,
    { state: 'discovered' },
  )
  const rank = { bad: 0, wait: 1 }
  return matters.toSorted((a, b) => rank[a.tone] - rank[b.tone])
}
