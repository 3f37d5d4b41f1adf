import { createRootRoute, createRoute, createRouter, Link, lazyRouteComponent, redirect } from '@tanstack/react-router'
import type { Image } from '../api/contract/images.ts'
import type { Machine } from '../api/contract/machines.ts'
import type { DeploymentFilter } from './deployments/words.ts'
import type { MachineFilter, RoomFilter } from './machines/search.ts'
import { Empty, Page, ProblemNote } from './parts/page.tsx'
import { Shell } from './shell/shell.tsx'
import type { VolumeFilter } from './volumes/words.ts'

const root = createRootRoute({
  component: Shell,
  errorComponent: ({ error }) => (
    <Page title="Something broke">
      <ProblemNote error={error instanceof Error ? error : new Error(String(error))} retry={() => location.reload()} />
    </Page>
  ),
  notFoundComponent: () => (
    <Page title="There is no such page">
      <Empty title="Nothing is at this address" action={<Link to="/machines">Go to the machines</Link>} />
    </Page>
  ),
})

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

/** What a page keeps in its address, where that is nothing but texts: unknown ones are the server's to refuse. */
const texts =
  <Key extends string>(...keys: readonly Key[]) =>
  (search: Record<string, unknown>) =>
    Object.fromEntries(keys.map((key) => [key, text(search[key])])) as { [K in Key]?: string }

const index = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/machines' })
  },
})
const machines = createRoute({
  getParentRoute: () => root,
  path: '/machines',
  // What is filtered for stands in the address, so that it can be sent to a colleague.
  validateSearch: (search: Record<string, unknown>): MachineFilter => ({
    q: text(search.q),
    state: text(search.state) as Machine['state'] | undefined,
    profile: text(search.profile),
    tag: text(search.tag),
    boot: text(search.boot) as MachineFilter['boot'],
    power: text(search.power) as MachineFilter['power'],
    sort: text(search.sort) as MachineFilter['sort'],
    order: text(search.order) as MachineFilter['order'],
    batch: text(search.batch),
    add: search.add === true ? true : undefined,
  }),
  component: lazyRouteComponent(() => import('./machines/list.tsx'), 'MachinesPage'),
})
const machine = createRoute({
  getParentRoute: () => root,
  path: '/machines/$machine',
  validateSearch: (search: Record<string, unknown>): { trace?: string; tab?: string } => ({
    trace: text(search.trace),
    tab: text(search.tab),
  }),
  component: lazyRouteComponent(() => import('./machines/page.tsx'), 'MachinePage'),
})
const profiles = createRoute({
  getParentRoute: () => root,
  path: '/profiles',
  validateSearch: texts('q', 'kind'),
  component: lazyRouteComponent(() => import('./profiles/list.tsx'), 'ProfilesPage'),
})
const images = createRoute({
  getParentRoute: () => root,
  path: '/images',
  validateSearch: (search: Record<string, unknown>): { q?: string; kind?: Image['kind'] } => ({
    q: text(search.q),
    kind: text(search.kind) as Image['kind'] | undefined,
  }),
  component: lazyRouteComponent(() => import('./images/list.tsx'), 'ImagesPage'),
})
const image = createRoute({
  getParentRoute: () => root,
  path: '/images/$image',
  component: lazyRouteComponent(() => import('./images/page.tsx'), 'ImagePage'),
})
const deployments = createRoute({
  getParentRoute: () => root,
  path: '/deployments',
  validateSearch: (search: Record<string, unknown>): DeploymentFilter => ({
    q: text(search.q),
    show: text(search.show) as DeploymentFilter['show'],
  }),
  component: lazyRouteComponent(() => import('./deployments/list.tsx'), 'DeploymentsPage'),
})
const deployment = createRoute({
  getParentRoute: () => root,
  path: '/deployments/$deployment',
  component: lazyRouteComponent(() => import('./deployments/page.tsx'), 'DeploymentPage'),
})
const volumes = createRoute({
  getParentRoute: () => root,
  path: '/volumes',
  validateSearch: (search: Record<string, unknown>): VolumeFilter => ({
    q: text(search.q),
    use: text(search.use) as VolumeFilter['use'],
    condition: text(search.condition) as VolumeFilter['condition'],
    machine: text(search.machine),
    label: text(search.label),
  }),
  component: lazyRouteComponent(() => import('./volumes/list.tsx'), 'VolumesPage'),
})
const volume = createRoute({
  getParentRoute: () => root,
  path: '/volumes/$volume',
  component: lazyRouteComponent(() => import('./volumes/page.tsx'), 'VolumePage'),
})
const sessions = createRoute({
  getParentRoute: () => root,
  path: '/sessions',
  component: lazyRouteComponent(() => import('./volumes/sessions.tsx'), 'SessionsPage'),
})
const storage = createRoute({
  getParentRoute: () => root,
  path: '/storage',
  component: lazyRouteComponent(() => import('./volumes/storage.tsx'), 'StoragePage'),
})
const configs = createRoute({
  getParentRoute: () => root,
  path: '/configs',
  validateSearch: texts('q'),
  component: lazyRouteComponent(() => import('./configs/list.tsx'), 'ConfigsPage'),
})
const config = createRoute({
  getParentRoute: () => root,
  path: '/configs/$config',
  component: lazyRouteComponent(() => import('./configs/page.tsx'), 'ConfigPage'),
})
const bmcs = createRoute({
  getParentRoute: () => root,
  path: '/bmcs',
  validateSearch: texts('q', 'state'),
  component: lazyRouteComponent(() => import('./bmcs/list.tsx'), 'BmcsPage'),
})
const bmc = createRoute({
  getParentRoute: () => root,
  path: '/bmcs/$machine',
  component: lazyRouteComponent(() => import('./bmcs/page.tsx'), 'BmcPage'),
})
const consoles = createRoute({
  getParentRoute: () => root,
  path: '/consoles',
  validateSearch: texts('q'),
  component: lazyRouteComponent(() => import('./consoles/list.tsx'), 'ConsolesPage'),
})
const rooms = createRoute({
  getParentRoute: () => root,
  path: '/rooms',
  validateSearch: texts('q'),
  component: lazyRouteComponent(() => import('./rooms/list.tsx'), 'RoomsPage'),
})
const room = createRoute({
  getParentRoute: () => root,
  path: '/rooms/$tag',
  validateSearch: (search: Record<string, unknown>): RoomFilter => ({
    q: text(search.q),
    state: text(search.state) as RoomFilter['state'],
    boot: text(search.boot) as RoomFilter['boot'],
    power: text(search.power) as RoomFilter['power'],
    tiles: search.tiles === 'small' ? 'small' : undefined,
    batch: text(search.batch),
  }),
  component: lazyRouteComponent(() => import('./rooms/room.tsx'), 'RoomPage'),
})
const batches = createRoute({
  getParentRoute: () => root,
  path: '/batches',
  component: lazyRouteComponent(() => import('./rooms/batch.tsx'), 'BatchesPage'),
})
const profile = createRoute({
  getParentRoute: () => root,
  path: '/profiles/$profile',
  component: lazyRouteComponent(() => import('./profiles/page.tsx'), 'ProfilePage'),
})
const networks = createRoute({
  getParentRoute: () => root,
  path: '/networks',
  validateSearch: texts('q', 'network', 'state'),
  component: lazyRouteComponent(() => import('./networks/page.tsx'), 'NetworksPage'),
})
const lab = createRoute({
  getParentRoute: () => root,
  path: '/lab',
  component: lazyRouteComponent(() => import('./lab/page.tsx'), 'LabPage'),
})
const server = createRoute({
  getParentRoute: () => root,
  path: '/server',
  component: lazyRouteComponent(() => import('./server/page.tsx'), 'ServerPage'),
})
const tokens = createRoute({
  getParentRoute: () => root,
  path: '/tokens',
  component: lazyRouteComponent(() => import('./access/tokens.tsx'), 'TokensPage'),
})
const users = createRoute({
  getParentRoute: () => root,
  path: '/users',
  component: lazyRouteComponent(() => import('./access/users.tsx'), 'UsersPage'),
})
const site = createRoute({
  getParentRoute: () => root,
  path: '/site',
  component: lazyRouteComponent(() => import('./site/page.tsx'), 'SitePage'),
})
const audit = createRoute({
  getParentRoute: () => root,
  path: '/audit',
  validateSearch: texts('who', 'subject'),
  component: lazyRouteComponent(() => import('./access/audit.tsx'), 'AuditPage'),
})

export const router = createRouter({
  routeTree: root.addChildren([
    index,
    machines,
    machine,
    profiles,
    images,
    image,
    deployments,
    deployment,
    volumes,
    volume,
    sessions,
    storage,
    configs,
    config,
    bmcs,
    bmc,
    consoles,
    rooms,
    room,
    batches,
    profile,
    networks,
    lab,
    server,
    tokens,
    users,
    audit,
    site,
  ]),
  defaultPreload: 'intent',
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
