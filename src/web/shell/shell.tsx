import {
  ActionIcon,
  AppShell,
  Burger,
  Button,
  Menu,
  Text,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconKey, IconLock, IconLogout, IconMoon, IconSearch, IconSun, IconUserCircle } from '@tabler/icons-react'
import { Link, Outlet } from '@tanstack/react-router'
import { useEffect } from 'react'
import { PasswordForm } from '../access/password.tsx'
import { follow } from '../api/live.ts'
import { useMe } from '../api/me.tsx'
import { queries, useDo } from '../api/use.ts'
import { Mark } from './mark.tsx'
import { Navigation } from './navigation.tsx'
import { Search } from './search.tsx'
import style from './shell.module.css'

/** What stands around every page: name, search, colours, who is logged in, and where one can go. */
export function Shell() {
  const [menu, { toggle, close }] = useDisclosure(false)
  const [search, searching] = useDisclosure(false)
  useEffect(() => follow(queries), [])
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const typing =
        event.target instanceof HTMLElement &&
        event.target.closest('input, textarea, select, .xterm, [contenteditable]')
      const palette = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k'
      if (!palette && (typing || event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey)) return
      event.preventDefault()
      searching.open()
    }
    document.addEventListener('keydown', pressed)
    return () => document.removeEventListener('keydown', pressed)
  }, [searching.open])
  return (
    <AppShell header={{ height: 50 }} navbar={{ width: 212, breakpoint: 'sm', collapsed: { mobile: !menu } }}>
      <AppShell.Header withBorder={false}>
        <a href="#content" className={style.skip}>
          Skip to the content
        </a>
        <div className={style.header}>
          <Burger opened={menu} onClick={toggle} hiddenFrom="sm" size="sm" color="#fff" aria-label="Navigation" />
          <Link to="/machines" className={style.brand}>
            <Mark />
            Reveille
          </Link>
          <button type="button" className={style.search} onClick={searching.open} aria-keyshortcuts="Control+K">
            <IconSearch size={15} />
            <span>Search machines and pages</span>
            <kbd aria-hidden>Ctrl K</kbd>
          </button>
          <SchemeSwitch />
          <UserMenu />
        </div>
      </AppShell.Header>
      <AppShell.Navbar>
        <Navigation onGo={close} />
      </AppShell.Navbar>
      <AppShell.Main id="content">
        <FirstPassword />
        <Outlet />
      </AppShell.Main>
      <Search opened={search} onClose={searching.close} />
    </AppShell>
  )
}

/** Says until it is done that the password of the first start should be replaced. */
function FirstPassword() {
  const me = useMe()
  const [opened, { open, close }] = useDisclosure(false)
  if (!me.mustChangePassword) return null
  return (
    <div className={style.notice} role="status">
      You still use the password of the first start.
      <Button variant="default" size="compact-xs" onClick={open}>
        Choose your own
      </Button>
      <PasswordForm opened={opened} onClose={close} first />
    </div>
  )
}

function SchemeSwitch() {
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light')
  const other = scheme === 'light' ? 'dark' : 'light'
  return (
    <ActionIcon
      className={style.tool}
      size="lg"
      onClick={() => setColorScheme(other)}
      aria-label={`Use ${other} colours`}
      title={`Use ${other} colours`}
    >
      {scheme === 'light' ? <IconMoon size={18} /> : <IconSun size={18} />}
    </ActionIcon>
  )
}

function UserMenu() {
  const me = useMe()
  const [password, changing] = useDisclosure(false)
  const logout = useDo('logout', {
    after: () => {
      queries.setQueryData(['me', {}], null)
      queries.removeQueries({ predicate: (query) => query.queryKey[0] !== 'me' })
    },
  })
  return (
    <>
      <Menu>
        <Menu.Target>
          <ActionIcon className={style.tool} size="lg" aria-label={`${me.name}: account`} title={me.name}>
            <IconUserCircle size={20} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            <Text size="sm" fw={600} c="var(--mantine-color-text)">
              {me.name}
            </Text>
            {me.role}
          </Menu.Label>
          <Menu.Item leftSection={<IconLock size={15} />} onClick={changing.open}>
            Change password…
          </Menu.Item>
          <Menu.Item leftSection={<IconKey size={15} />} renderRoot={(props) => <Link to="/tokens" {...props} />}>
            Tokens
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => logout.mutate({})}>
            Log out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <PasswordForm opened={password} onClose={changing.close} first={me.mustChangePassword} />
    </>
  )
}
