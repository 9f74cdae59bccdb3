/** Orrery's mark: a sun, two circles around it, and a body on each. */
export function Logo({ size = 24 }: { size?: number }) {
  return (
    <svg class="logo" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <circle class="circle" cx="12" cy="12" r="5.5" />
      <circle class="circle" cx="12" cy="12" r="10" />
      <circle class="sun" cx="12" cy="12" r="2" />
      <circle class="body" cx="16.76" cy="9.25" r="1.7" />
      <circle class="body" cx="4.93" cy="19.07" r="2.1" />
    </svg>
  );
}
