import { Center, Loader } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { ApiProblem } from '../../api/client/problem.ts'
import type { Me } from '../../api/contract/access.ts'
import { call } from '../api/call.ts'
import { MeProvider } from '../api/me.tsx'
import { ProblemNote } from '../parts/page.tsx'
import { router } from '../routes.tsx'
import { Login } from './login.tsx'
import style from './shell.module.css'

/** Nobody gets past without a session; whoever has one goes on where they wanted to be. */
export function Gate() {
  const me = useQuery<Me | null>({
    queryKey: ['me', {}],
    queryFn: async ({ signal }) => {
      try {
        return await call('me', { signal })
      } catch (error) {
        if (error instanceof ApiProblem && error.status === 401) return null
        throw error
      }
    },
  })
  if (me.data)
    return (
      <MeProvider value={me.data}>
        <RouterProvider router={router} />
      </MeProvider>
    )
  if (me.data === null) return <Login />
  if (me.error)
    return (
      <main className={style.login}>
        <div className={style.loginCard}>
          <ProblemNote error={me.error} retry={() => void me.refetch()} />
        </div>
      </main>
    )
  return (
    <Center h="100vh">
      <Loader size="sm" aria-label="Loading" />
    </Center>
  )
}
