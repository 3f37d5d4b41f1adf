import { Select } from '@mantine/core'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useGet } from '../api/use.ts'
import { Card, Empty, Loaded } from '../parts/page.tsx'
import { TraceState } from '../parts/status.tsx'
import { bytes, clock } from '../parts/words.ts'
import { Events } from './events.tsx'
import { Stages } from './stages.tsx'

/** The boot traces of a machine: the newest, or an older one that was chosen; the address says which. */
export function Traces({ machine, lab }: { machine: string; lab: boolean }) {
  const traces = useGet('listTraces', { params: { machine }, query: { limit: 25 } })
  const { trace: wanted } = useSearch({ from: '/machines/$machine' })
  const navigate = useNavigate({ from: '/machines/$machine' })
  return (
    <Loaded query={traces} lines={7}>
      {({ items }) => {
        const trace = items.find((each) => each.id === wanted) ?? items[0]
        if (!trace)
          return (
            <Card title="Boot trace">
              <Empty title="It has not booted here yet">
                {lab
                  ? 'Switch it on above: every step of its boot appears here as it happens.'
                  : 'Switch it on with network boot first in its boot order: every step appears here as it happens.'}
              </Empty>
            </Card>
          )
        return (
          <Card
            title="Boot trace"
            flush
            beside={
              <>
                <TraceState state={trace.state} />
                <span className="soft">
                  {trace.profile && `profile ${trace.profile} · `}
                  {bytes(trace.bytesSent)} sent
                </span>
              </>
            }
            aside={
              <Select
                size="xs"
                w={290}
                aria-label="Which boot"
                allowDeselect={false}
                value={trace.id}
                data={items.map((each, index) => ({
                  value: each.id,
                  label: `${clock(each.startedAt)}  ${each.state}${index === 0 ? ' (newest)' : ''}`,
                }))}
                onChange={(id) =>
                  void navigate({
                    search: (before) => ({ ...before, trace: id === items[0]?.id ? undefined : (id ?? undefined) }),
                    replace: true,
                  })
                }
              />
            }
          >
            <Stages trace={trace} />
            <Events trace={trace} />
          </Card>
        )
      }}
    </Loaded>
  )
}
