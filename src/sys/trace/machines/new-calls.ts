/** Since Linux 5.1 a call has one number for all machines. */
export const NEW_CALLS = {
  pidfd_send_signal: 424,
  io_uring_setup: 425,
  open_tree: 428,
  pidfd_open: 434,
  openat2: 437,
  faccessat2: 439,
  landlock_create_ruleset: 444,
  landlock_add_rule: 445,
  landlock_restrict_self: 446,
  fchmodat2: 452,
  setxattrat: 463,
  getxattrat: 464,
  listxattrat: 465,
  removexattrat: 466,
  file_getattr: 468,
  file_setattr: 469,
} as const;
