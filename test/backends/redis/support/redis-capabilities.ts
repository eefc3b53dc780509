/** Whether Redis records and monitors charges, and settles upward. The contract then asks it for that, instead of a clear error. */
export const HAS_MODES: boolean = true;
