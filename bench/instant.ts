/** Milliseconds on a clock that all processes of a bench share to far below a millisecond. */
export const instant = (): number => performance.timeOrigin + performance.now();
