"""`g3n crm …` and `g3n login`: the HTTP API for people at a terminal and for scripts.

`groups` and `commands` build a command from each operation; its options are the members of the body. `perform` sends
the request (`reach`) and shows the answer (`screen`). `edit` and `policy_put` change the policy, `bulk` imports files.
`exit_status` says how commands end. A new operation needs nothing here.
"""
