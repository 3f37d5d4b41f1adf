/** The mark: a sun that comes up over two lines, the horizon and a sleeping machine. */
export function Mark({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" fill="#14213d" />
      <g stroke="#ffb547" strokeWidth="2.4" strokeLinecap="round" fill="none">
        <path d="M16 5.5v3.6M7.2 9.2l2.5 2.5M24.8 9.2l-2.5 2.5" />
      </g>
      <path d="M8.5 20.5a7.5 7.5 0 0 1 15 0z" fill="#ffb547" />
      <path d="M4.5 20.5h23" stroke="#fff" strokeWidth="2.4" strokeLinecap="round" />
      <path d="M10.5 25.5h11" stroke="#8fa6d8" strokeWidth="2.4" strokeLinecap="round" />
    </svg>
  )
}
