import { Button, Drawer } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPlus } from '@tabler/icons-react'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useMay } from '../api/me.tsx'
import { Filters, FilterText } from '../parts/filters.tsx'
import { Listing, useList } from '../parts/listing.tsx'
import { Card, Empty, Page, Stacked } from '../parts/page.tsx'
import { Ago } from '../parts/time.tsx'
import { ConfigForm } from './form.tsx'
import { Values } from './values.tsx'
import { KIND_WORDS } from './words.ts'

/** Templates that say what machines become, and the values they ask for. */
export function ConfigsPage() {
  const operator = useMay('operator')
  const [adding, add] = useDisclosure(false)
  const { q } = useSearch({ from: '/configs' })
  const navigate = useNavigate({ from: '/configs' })
  const filter = (text: string | undefined) => void navigate({ search: { q: text }, replace: true })
  const configs = useList('listConfigs', { query: { q } })
  return (
    <Page
      title="Configs"
      lead="Templates in the language of each installer, rendered for one machine. What is not valid never reaches a machine."
      actions={
        operator && (
          <Button leftSection={<IconPlus size={15} />} onClick={add.open}>
            Add config
          </Button>
        )
      }
    >
      <Stacked>
        <Card flush open label="Configs">
          <Filters>
            <FilterText label="Filter configs" placeholder="Name, description" value={q} onChange={filter} />
          </Filters>
          <Listing
            list={configs}
            head={
              <>
                <th>Config</th>
                <th>Kind</th>
                <th className="end">Version</th>
                <th className="wide">Used by</th>
                <th className="wide">Changed</th>
              </>
            }
            empty={
              q !== undefined ? (
                <Empty title="No config matches" />
              ) : (
                <Empty title="No config yet">
                  Add one: Butane for Flatcar, cloud-init, preseed, kickstart and others. A profile that names it gives
                  it to its machines.
                </Empty>
              )
            }
          >
            {(config) => (
              <tr key={config.name}>
                <td>
                  <Link to="/configs/$config" params={{ config: config.name }} className="name" title={config.name}>
                    {config.name}
                  </Link>
                  {config.description && <div className="soft">{config.description}</div>}
                </td>
                <td>{KIND_WORDS[config.kind]}</td>
                <td className="end figures" data-label="version">
                  {config.latest}
                </td>
                <td className="wide soft">{config.usedBy.join(', ')}</td>
                <td className="wide soft">
                  <Ago at={config.updatedAt} />
                </td>
              </tr>
            )}
          </Listing>
        </Card>
        {/* Not before what stands above it has its height: nothing moves under a finger. */}
        {configs.query.data && <Values />}
      </Stacked>
      <Drawer opened={adding} onClose={add.close} size="xl" title="Add a config">
        {adding && <ConfigForm onClose={add.close} />}
      </Drawer>
    </Page>
  )
}
