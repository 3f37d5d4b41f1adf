import type { ConfigProblem } from '../../api/contract/configs.ts'
import { Notice } from '../parts/notice.tsx'

type Problem = ConfigProblem & { machine?: string | null }

/** Everything that is wrong with a config, each with its place and what to do. */
export function Problems({ problems }: { problems: readonly Problem[] }) {
  if (problems.length === 0) return null
  const errors = problems.filter(({ severity }) => severity === 'error').length
  return (
    <Notice tone={errors > 0 ? 'bad' : 'wait'} title={errors > 0 ? 'It is not valid' : 'It is valid, but look at this'}>
      <ul style={{ margin: '0.4rem 0 0', paddingInlineStart: '1.1rem' }}>
        {problems.map((each) => (
          <li key={`${each.part} ${each.line} ${each.column} ${each.path} ${each.message} ${each.machine ?? ''}`}>
            {each.line !== null && (
              <b className="figures" style={{ fontWeight: 580 }}>
                {each.part === 'main' ? '' : `${each.part}, `}line {each.line}:{' '}
              </b>
            )}
            {each.message}
            {each.machine && <> (on {each.machine})</>}
            {each.hint && <div className="soft">{each.hint}</div>}
          </li>
        ))}
      </ul>
    </Notice>
  )
}
