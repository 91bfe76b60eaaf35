"""The only room that speaks SQL: a file per noun; functions take the open transaction first."""
