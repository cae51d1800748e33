module manyarch.example/hello

go 1.26
