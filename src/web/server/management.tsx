import { Button, Menu } from '@mantine/core'
import { IconChevronDown, IconHammer } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { Card, Empty, Facts, Loaded } from '../parts/page.tsx'
import { Ago } from '../parts/time.tsx'
import { bytes } from '../parts/words.ts'

/** The system that machines boot while something is done to their disks: which one, and who runs it now. */
export function ManagementSystem() {
  const agent = useGet('getAgent', {}, { refetchMs: (data) => (data && data.running.length > 0 ? 3000 : 30_000) })
  const operator = useMay('operator')
  const build = useDo('buildAgent', {
    done: (made) =>
      made.built
        ? `${made.image}@${made.version} is built: ${bytes(made.bytes)}.`
        : `Nothing it is made of has changed: ${made.image}@${made.version} stays.`,
  })
  return (
    <Card
      title="Management OS"
      beside={<span className="soft">what machines run while their disks are written</span>}
      flush
      aside={
        operator && (
          <Button.Group>
            <Button
              variant="default"
              leftSection={<IconHammer size={14} />}
              loading={build.isPending}
              onClick={() => build.mutate({ body: {} })}
            >
              Build
            </Button>
            <Menu>
              <Menu.Target>
                <Button variant="default" px={6} aria-label="Other ways to build" disabled={build.isPending}>
                  <IconChevronDown size={13} />
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item onClick={() => build.mutate({ body: { force: true } })}>
                  Build anew, even if nothing has changed
                </Menu.Item>
              </Menu.Dropdown>
            </Menu>
          </Button.Group>
        )
      }
    >
      <Loaded query={agent}>
        {({ image, version, bytes: size, builtAt, running }) =>
          version === null ? (
            <Empty title="It was not built yet">
              It is built by itself when the first deployment needs it, or now with the button above; that takes about a
              minute.
            </Empty>
          ) : (
            <>
              <div style={{ padding: '0.8rem 0.9rem' }}>
                <Facts
                  rows={[
                    [
                      'Image',
                      <Link key="image" to="/images/$image" params={{ image }}>
                        {image}@{version}
                      </Link>,
                    ],
                    ['Size', bytes(size)],
                    ['Built', <Ago key="built" at={builtAt} />],
                    ['Running', running.length === 0 ? 'on no machine now' : null],
                  ]}
                />
              </div>
              {running.length > 0 && (
                <table className="rows">
                  <thead>
                    <tr>
                      <th>Runs on</th>
                      <th>Does</th>
                      <th className="wide">Since</th>
                      <th>Heard</th>
                      <th aria-label="Shell" />
                    </tr>
                  </thead>
                  <tbody>
                    {running.map((each) => (
                      <tr key={each.machine}>
                        <td>
                          <Link to="/machines/$machine" params={{ machine: each.machine }} className="name">
                            {each.machine}
                          </Link>
                        </td>
                        <td>{each.doing}</td>
                        <td className="wide soft">
                          <Ago at={each.since} />
                        </td>
                        <td className="soft">
                          <Ago at={each.heardAt} />
                        </td>
                        <td className="end">
                          {operator && (
                            <Link to="/machines/$machine" params={{ machine: each.machine }} search={{ tab: 'shell' }}>
                              Shell
                            </Link>
                          )}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              )}
            </>
          )
        }
      </Loaded>
    </Card>
  )
}
