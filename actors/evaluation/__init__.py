"""What a policy would have brought, judged from a log of another one; and how well a score finds uplift.

Pure: arrays in, figures out. What is estimated is the immediate reward per decision, under the states that
the log met: never what a policy is worth in the long run, because its own actions would lead elsewhere.
"""
