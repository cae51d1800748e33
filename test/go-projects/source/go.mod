module manyarch.test/project

go 1.26
