import { createContext, use } from 'react'
import type { Me } from '../../api/contract/access.ts'

const ROLES: readonly Me['role'][] = ['viewer', 'user', 'operator', 'admin']

const MeContext = createContext<Me | null>(null)
export const MeProvider = MeContext.Provider

/** Who is logged in. */
export function useMe(): Me {
  const me = use(MeContext)
  if (!me) throw new Error('useMe needs a page behind the login')
  return me
}

/** Whether the one who is logged in may do what needs a role. The server decides; this only hides what it would refuse. */
export function useMay(needed: Me['role']): boolean {
  return ROLES.indexOf(useMe().role) >= ROLES.indexOf(needed)
}
