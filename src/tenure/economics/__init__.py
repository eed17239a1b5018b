"""Stage economics: what standing in a stage is worth in money, and what that means for the next yuan.

Answers: who goes where and how fast, how long do people stay, what does a stage bring, what is a move worth, and is it
better to invest in a declining customer again or to withdraw? Everything here describes what went together in the past:
that those who reached a stage brought more does not prove that bringing someone there makes them bring as much.
"""
