"""Operations that answer errors in one way, through a decorator."""
