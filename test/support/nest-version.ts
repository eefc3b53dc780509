declare const NEST_MAJOR: 11 | 12;

/** The major version of Nest that the specs run on. Jest has a project for each. */
export const nestMajor = NEST_MAJOR;
